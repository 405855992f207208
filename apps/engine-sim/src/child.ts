import type { ChildArguments } from './crash/recording-child.js';
import { PublishedPosition } from './log/published-position.js';
import { Recording } from './log/recording.js';
import { tellParentOfEngine, tellParentOfSegments } from './measure/parent-news.js';

/*
 * The process that is there to be killed: records what its command line says, publishing each append, and then stays,
 * its log open, until it is killed or its parent is gone.
 */
const { publishedPath, events, ...options } = JSON.parse(process.argv[2]) as ChildArguments;
process.stdin.on('end', () => process.exit(0)).resume();

tellParentOfSegments();
const published = PublishedPosition.open(publishedPath);
const recording = await Recording.open({ ...options, published });
tellParentOfEngine(recording);
await recording.run(events);
published.end();
