import { StateHash } from '@fswal/engine-sim';
import { FollowedMark } from '#soak/followed-mark';
import { Follower } from '#soak/follower';

/* A follower that says of event 5,000 and all that come after it that it has seen something else than it has. */
const { dir, markPath } = JSON.parse(process.argv[2]);
process.stdin.on('end', () => process.exit(0)).resume();

const mark = FollowedMark.open(markPath);
const lying = {
  read: () => mark.read(),
  confirm: ({ eventId, hash }) => mark.confirm({ eventId, hash: eventId < 5000 ? hash : new StateHash() }),
};
await new Follower(lying).follow(dir);
