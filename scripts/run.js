#!/usr/bin/env node
// @ts-check
// What `npm start`, `npm test` and the other root scripts run: sets the working tree up if that is
// needed, then does the job. Nothing but Node is taken for granted here, and on a Node too old for the rest
// this file alone must still load: so no static imports and nothing newer than ES2017.

const OLDEST_NODE = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  console.error(
    `fswal needs Node ${OLDEST_NODE.join('.')} or newer; this is Node ${process.versions.node} (${process.execPath})`,
  );
  process.exitCode = 1;
} else {
  // A terminal that goes away while set-up works must not end us before our children: those we stop first.
  process.stderr.on('error', () => {});
  import('./tasks.js')
    .then((tasks) => tasks.runTask(process.argv[2], process.argv.slice(3)))
    .then(
      (status) => process.exit(status),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
}
