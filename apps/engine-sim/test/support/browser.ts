import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** A Chromium of this machine, or undefined; FSWAL_CHROMIUM names one that is not on the path. */
const EXECUTABLE = process.env.FSWAL_CHROMIUM ?? NAMES.flatMap(inPath)[0];

export const hasBrowser = EXECUTABLE !== undefined;
/** For the name of what is skipped. */
export const WHERE_BROWSER = hasBrowser
  ? ''
  : ' (skipped: there is no Chromium; install it, or set FSWAL_CHROMIUM)';

export function launchBrowser(): Promise<Browser> {
  // Who is root has no sandbox; who tests in a container has little shared memory.
  return chromium.launch({ executablePath: EXECUTABLE!, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

export interface WatchedPage {
  readonly page: Page;
  /** What it complained of, on the console or by exceptions. */
  readonly complaints: string[];
  /** What it asked for, after itself. */
  readonly requests: string[];
}

/** A new page at `url`, and what it does that it should not. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) requests.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, requests };
}

/** How much of each canvas is painted, from 0 to 1. */
export function paintedParts(page: Page): Promise<number[]> {
  return page.evaluate(`Array.from(document.querySelectorAll('canvas'), (canvas) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let painted = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) painted++;
    return painted / (data.length / 4);
  })`);
}

function inPath(name: string): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, name)).filter((file) => existsSync(file));
}
