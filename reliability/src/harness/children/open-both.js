// Opens a log with recovery, then with a recorder, and writes what came of it as JSON. For another user.
import { RecorderManager } from '@fswal/recorder';
import { RecoveryManager } from '@fswal/recovery';

const [dir] = process.argv.slice(2);
const outcome = { recovered: 0, recovery: 'OK', recorder: 'OK' };
try {
  const recovery = await RecoveryManager.open({ dir });
  while (recovery.next()) outcome.recovered++;
  await recovery.close();
} catch (error) {
  outcome.recovery = error.code ?? String(error);
}
try {
  const recorder = await RecorderManager.open({
    dir,
    blocksPerSegment: 16,
    tailBlocks: 8,
    volatilePlace: 'allow',
  });
  await recorder.close();
} catch (error) {
  outcome.recorder = error.code ?? String(error);
}
process.stdout.write(JSON.stringify(outcome));
