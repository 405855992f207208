// Opens a log and says how that went: 'open', or the code of the error.
import { RecorderManager } from '../../dist/index.js';

try {
  await RecorderManager.open({ dir: process.argv[2] });
  process.stdout.write('open');
} catch (error) {
  process.stdout.write(error.code);
}
