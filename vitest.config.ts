import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolders, ROOT } from './scripts/workspace.js';
import { testsOf } from './vitest.shared.ts';

const folders = [...packageFolders(), 'scripts'].filter((folder) => existsSync(join(ROOT, folder, 'test')));

export default testsOf(folders);
