import { byId } from './dom.js';

/*
 * Light, dark, or what the reader's system has. The style sheet holds the colours and looks at two attributes of the
 * root: data-theme, which the button sets, and data-paper, which is there while the page is printed.
 */

const pageRoot = document.documentElement;
const systemIsDark = matchMedia('(prefers-color-scheme: dark)');
const repaints = new Set<() => void>();

const LINE_COLOURS = 6;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [14, 4], [4, 2]];

/** `repaint` is called whenever the colours or the medium have changed: a canvas does not know by itself. */
export function onRepaint(repaint: () => void): void {
  repaints.add(repaint);
}

/** A colour of the style sheet, such as `--ink`. */
export function colour(name: string): string {
  return getComputedStyle(pageRoot).getPropertyValue(name).trim();
}

/** The colour of a line, and how it is dashed: it can be told from the others without colours, too. */
export function lineStyle(index: number): { readonly stroke: string; readonly dash: number[] } {
  return { stroke: colour(`--line-${index % LINE_COLOURS}`), dash: DASHES[index % DASHES.length] };
}

export function isOnPaper(): boolean {
  return 'paper' in pageRoot.dataset;
}

/** Makes the button change between light and dark, and the page fit to be printed. */
export function setUpTheme(): void {
  const button = byId('theme');
  const show = (): void => {
    button.setAttribute('aria-pressed', String(isDark()));
    for (const repaint of repaints) repaint();
  };
  button.addEventListener('click', () => {
    pageRoot.dataset.theme = isDark() ? 'light' : 'dark';
    show();
  });
  systemIsDark.addEventListener('change', show);
  const takePaper = (isPaper: boolean): void => {
    if (isPaper === isOnPaper()) return;
    if (isPaper) pageRoot.dataset.paper = '';
    else delete pageRoot.dataset.paper;
    show();
  };
  addEventListener('beforeprint', () => takePaper(true));
  addEventListener('afterprint', () => takePaper(false));
  matchMedia('print').addEventListener('change', ({ matches }) => takePaper(matches));
  show();
}

function isDark(): boolean {
  const { theme } = pageRoot.dataset;
  return theme === undefined ? systemIsDark.matches : theme === 'dark';
}
