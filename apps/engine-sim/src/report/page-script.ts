import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { resolve } = createRequire(import.meta.url);

export type PageName = 'report' | 'dashboard';

/** All of a page's JavaScript as one classic script: one file opened from the disk may not import others. */
export function pageScript(page: PageName): string {
  const script = readFileSync(resolve(`#page/${page}`), 'utf8').replace(/^\/\/# sourceMappingURL=.*$/gm, '');
  return `${chartLibrary('js')}\n${script}`;
}

/** uPlot's own script or style sheet. */
export function chartLibrary(kind: 'js' | 'css'): string {
  const name = kind === 'js' ? 'uPlot.iife.min.js' : 'uPlot.min.css';
  return readFileSync(join(dirname(resolve('uplot')), name), 'utf8').trim();
}
