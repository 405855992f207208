// Before the tests, and before each further run of a watch: threads, children and other packages' tests load dist/, so it has
// to be what the sources say, whether or not somebody has built.

import type { TestProject } from 'vitest/node';
import { bundleAll } from './scripts/bundle.js';

export async function setup(project: TestProject): Promise<void> {
  await bundleAll();
  project.onTestsRerun(() => bundleAll());
}
