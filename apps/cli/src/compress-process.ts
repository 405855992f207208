/* Entry of the process that compresses: see `compress`. */
import { type CompressOptions, compressHere } from './commands/compress.js';
import { guarded } from './guarded.js';
import { Output } from './output.js';

const [dir, options, json] = JSON.parse(process.argv[2] as string) as [string, CompressOptions, boolean];
const output = new Output();
// Whoever has started it is gone: between two segments it ends, too.
process.once('disconnect', () => process.exit());
process.exitCode = await guarded(() => compressHere(dir, options, { output, json }), json, output);
process.disconnect?.();
