// Maps a new file, stores to it, says so and stays until it is killed.
import { loadProvider } from '../../dist/index.js';

const [name, path, bytes, value] = process.argv.slice(2);
const { buffer } = loadProvider(name).createMapped(path, Number(bytes));
new Int32Array(buffer).fill(Number(value));
process.stdout.write('stored\n');
process.stdin.resume();
