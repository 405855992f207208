import { StateHash } from '../../dist/engine/state-hash.js';
import { FollowedMark } from '../../dist/soak/followed-mark.js';
import { Follower } from '../../dist/soak/follower.js';

/* A follower that says of event 5,000 and all that come after it that it has seen something else than it has. */
const { dir, markPath } = JSON.parse(process.argv[2]);
process.stdin.on('end', () => process.exit(0)).resume();

const mark = FollowedMark.open(markPath);
const lying = {
  read: () => mark.read(),
  confirm: ({ eventId, hash }) => mark.confirm({ eventId, hash: eventId < 5000 ? hash : new StateHash() }),
};
await new Follower(lying).follow(dir);
