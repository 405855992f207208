import { PublishedPosition } from '../log/published-position.js';
import { tellParentOfEngine, tellParentOfSegments } from '../measure/parent-news.js';
import { FedRecording, type FedRecordingOptions } from './fed-recording.js';
import { runProgram } from './run-program.js';

/** What this program takes on its command line, as JSON. */
export interface RecorderArguments extends FedRecordingOptions {
  readonly publishedPath: string;
}

/*
 * The process that a soak kills: records the events that come on its standard input, and closes the log where that ends.
 */
await runProgram(async ({ publishedPath, ...options }: RecorderArguments) => {
  tellParentOfSegments();
  const recording = await FedRecording.open(options, PublishedPosition.open(publishedPath));
  tellParentOfEngine(recording);
  for await (const chunk of process.stdin) recording.feed(chunk as Buffer);
  await recording.close();
});
