// Stands for the recorder's suite on mmap-io where that is not installed (vitest.shared.ts).
import { test } from 'vitest';

test.skip('not run: the optional dependency mmap-io is not installed here', () => {});
