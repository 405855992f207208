import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runReport } from '../src/report/run-report.js';
import { hasBrowser, launchBrowser, openPage, paintedParts, WHERE_BROWSER } from './support/browser.js';
import { sampleRun } from './support/run-record.js';

const PHONE = { width: 390, height: 844 };
const CHARTS = 11;

describe.skipIf(!hasBrowser)(`a report in a browser${WHERE_BROWSER}`, () => {
  const dir = mkdtempSync(join(tmpdir(), 'engine-sim-report-'));
  const url = (name: string): string => pathToFileURL(join(dir, name)).href;
  let browser: Browser;
  beforeAll(async () => {
    writeFileSync(join(dir, 'one.html'), runReport([sampleRun()]));
    writeFileSync(
      join(dir, 'two.html'),
      runReport([sampleRun(), sampleRun({ startedAt: '2026-02-02T00:00:00.000Z' }, 400)]),
    );
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it.each(['one', 'two'])(
    'opened as a file, shows all charts of %s, asks for nothing and complains of nothing',
    async (name) => {
      const { page, complaints, requests } = await openPage(browser, url(`${name}.html`));
      await page.waitForFunction(`document.querySelectorAll('canvas').length >= ${CHARTS}`);
      const painted = await paintedParts(page);
      expect(painted).toHaveLength(name === 'one' ? CHARTS : CHARTS + 1);
      for (const part of painted) expect(part).toBeGreaterThan(0.005);
      expect([complaints, requests]).toEqual([[], []]);
    },
  );

  it('is light or dark as the system is, until the button says otherwise', async () => {
    const { page, complaints } = await openPage(browser, url('one.html'), { colorScheme: 'dark' });
    expect(await lightness(page)).toBeLessThan(0.2);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await lightness(page)).toBeGreaterThan(0.8);
    const button = page.getByRole('button', { name: 'Dark theme' });
    expect(await button.getAttribute('aria-pressed')).toBe('false');
    await button.click();
    expect(await button.getAttribute('aria-pressed')).toBe('true');
    expect(await lightness(page)).toBeLessThan(0.2);
    expect(complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'has text that contrasts with what it lies on, in %s',
    async (colorScheme) => {
      const { page } = await openPage(browser, url('one.html'), { colorScheme });
      const contrasts: [string, number][] = await page.evaluate(CONTRASTS);
      expect(contrasts.length).toBeGreaterThan(20);
      for (const [text, contrast] of contrasts) expect(contrast, text).toBeGreaterThanOrEqual(4.5);
    },
  );

  it('fits a phone: nothing but wide tables is scrolled sideways', async () => {
    const { page } = await openPage(browser, url('two.html'), { viewport: PHONE });
    await page.waitForFunction(`document.querySelectorAll('canvas').length > ${CHARTS}`);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
  });

  it('is printed light, without buttons, with charts that fit the sheet', async () => {
    const { page, complaints } = await openPage(browser, url('one.html'), { colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.waitForFunction(`'paper' in document.documentElement.dataset`);
    expect(await lightness(page)).toBe(1);
    expect(await page.getByRole('button', { name: 'Dark theme' }).count()).toBe(0);
    const widths: number[] = await page.evaluate(
      `Array.from(document.querySelectorAll('canvas'), (canvas) => canvas.clientWidth)`,
    );
    for (const width of widths) expect(width).toBeLessThanOrEqual(660);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'screen', colorScheme: 'dark' });
    await page.waitForFunction(`!('paper' in document.documentElement.dataset)`);
    expect(complaints).toEqual([]);
  });

  it('can be used with the keyboard: theme, lines, cursors, segments', async () => {
    const { page } = await openPage(browser, url('one.html'));
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.id')).toBe('theme');
    const chart = page.locator('#figure-0 .u-over');
    await chart.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    const values = page.locator('#figure-0 .u-value');
    await expect.poll(() => values.first().textContent()).toMatch(/^\d+(\.\d+)? %$/);
    const line = page.locator('#figure-0 .u-series').nth(1);
    await line.locator('th').focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => line.getAttribute('class')).toContain('u-off');
    const timeline = page.locator('canvas.timeline');
    await timeline.focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => page.locator('.readout').textContent()).toMatch(/^segment 0: prepared at /);
  });

  it('has its tables where scripts do not run', async () => {
    const { page } = await openPage(browser, url('one.html'), { javaScriptEnabled: false });
    expect(await page.getByRole('table').count()).toBe(5);
    expect(await page.locator('noscript p').count()).toBe(1);
  });
});

/** Of the page's ground, from 0, black, to 1, white. */
async function lightness(page: Page): Promise<number> {
  const ground: string = await page.evaluate('getComputedStyle(document.body).backgroundColor');
  const [red, green, blue] = ground.match(/\d+/g)!.map(Number);
  return (red + green + blue) / (3 * 255);
}

/** For each text of the page: its contrast with the nearest ground below it, as WCAG has it. */
const CONTRASTS = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const ground = getComputedStyle(at).backgroundColor;
      if (channels(ground)[3] !== 0) return ground;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = Array.from(document.querySelectorAll('h1, h2, h3, p, th, td, caption, small, b, span, li, button, footer, figcaption'));
  return texts.filter((element) => element.textContent.trim() !== '' && element.checkVisibility()).map((element) => {
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(groundOf(element))].sort((a, b) => b - a);
    return [element.tagName + ' ' + element.textContent.slice(0, 40), (light + 0.05) / (dark + 0.05)];
  });
})()`;
