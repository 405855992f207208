import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DashboardServer, type WatchedRun } from '../src/dashboard/dashboard-server.js';
import { percentileCurve, summaryOf } from '../src/measure/distributions.js';
import type { RunListener } from '../src/measure/run-monitor.js';
import type { Percentiles, RunStatus } from '../src/run/run-update.js';
import { hasBrowser, launchBrowser, openPage, paintedParts, WHERE_BROWSER } from './support/browser.js';
import { sampleRun } from './support/run-record.js';

const BIN = fileURLToPath(new URL('../bin/engine-sim.js', import.meta.url));
const PHONE = { width: 390, height: 844 };
const CHARTS = 8;

/** A run of 20 minutes that goes on as far as a test says. */
class StagedRun implements WatchedRun {
  readonly telemetry = undefined;
  seconds = 1200;
  status: RunStatus = { state: 'recording', text: 'as staged' };
  totals = { appended: 1000, kills: 2, recoveries: 2, lost: 0 };
  #listener: RunListener | undefined;
  readonly #run = sampleRun({ seconds: 1200 });
  readonly #id = String(Math.random());

  listen(listener: RunListener): void {
    this.#listener = listener;
  }
  picture() {
    const { series, ...run } = this.#run;
    const stretched = { ...series, seconds: series.seconds.map((second) => second * 20) };
    const { status, totals, seconds } = this;
    const recent = { ...stretched, stride: 10 };
    const percentiles = this.percentiles();
    return {
      runId: this.#id,
      run: { ...run, series: stretched, totals, seconds },
      recent,
      status,
      percentiles,
    };
  }
  percentiles(): Percentiles {
    const all = Object.entries(this.#run.distributions).map(([name, distribution]) => {
      const { count } = distribution;
      return [name, { count, summary: summaryOf(distribution), curve: percentileCurve(distribution) }];
    });
    return Object.fromEntries(all) as Percentiles;
  }
  goOn(seconds: number): void {
    this.seconds += seconds;
    this.totals = { ...this.totals, appended: this.totals.appended + 1000 };
  }
  kill(text: string): void {
    this.totals = { ...this.totals, kills: this.totals.kills + 1 };
    this.status = { state: 'dead', text };
    this.#listener?.incident({ second: this.seconds, kind: 'killed', eventId: 4711, lost: 0, text });
  }
}

describe.skipIf(!hasBrowser)(`the dashboard in a browser${WHERE_BROWSER}`, () => {
  let browser: Browser;
  let run: StagedRun;
  let server: DashboardServer;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    run = new StagedRun();
    server = await DashboardServer.open({ monitor: run, port: 0, host: '127.0.0.1' });
  });
  afterEach(async () => {
    await server.close();
    for (const context of browser.contexts()) await context.close();
  });

  const text = (page: Page, id: string): Promise<string | null> => page.locator(`#${id}`).textContent();

  it('loads, shows the run, follows it, complains of nothing and asks for its stream alone', async () => {
    const { page, complaints, requests } = await openPage(browser, server.url);
    await expect.poll(() => text(page, 'connection')).toBe('live');
    expect(await text(page, 'command')).toContain('engine-sim crash --dir /tmp/log');
    await expect.poll(() => text(page, 'tile-events')).toBe('1 k');
    for (const part of await paintedParts(page)) expect(part).toBeGreaterThan(0.005);
    expect(await paintedParts(page)).toHaveLength(CHARTS);
    run.goOn(1);
    await expect.poll(() => text(page, 'tile-events')).toBe('2 k');
    await expect.poll(() => text(page, 'elapsed')).toBe('20:01');
    expect(requests).toEqual([`${server.url}events`]);
    expect(complaints).toEqual([]);
  });

  it('says that the engine died, and of what', async () => {
    const { page } = await openPage(browser, server.url);
    await expect.poll(() => text(page, 'state-name')).toBe('recording');
    run.kill('SIGKILL, as staged');
    await expect.poll(() => text(page, 'state-name')).toBe('dead');
    expect(await text(page, 'state-text')).toBe('SIGKILL, as staged');
    await expect.poll(() => text(page, 'tile-kills')).toBe('3');
    await expect.poll(() => page.locator('#incidents tr').first().textContent()).toContain('4,711');
  });

  it('stands still while it is paused, and catches up', async () => {
    const { page } = await openPage(browser, server.url);
    await expect.poll(() => text(page, 'elapsed')).toBe('20:00');
    await page.getByRole('button', { name: 'Pause' }).click();
    run.goOn(5);
    run.kill('while paused');
    // What the engine is about is said all the same, so that the update has come.
    await expect.poll(() => text(page, 'state-name')).toBe('dead');
    expect(await text(page, 'elapsed')).toBe('20:00');
    expect(await text(page, 'tile-kills')).toBe('2');
    expect(await text(page, 'paused')).toBe('paused at 20:00');
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => text(page, 'elapsed')).toBe('20:05');
    await expect.poll(() => text(page, 'tile-kills')).toBe('3');
  });

  it('shows the time range that is asked for, paused or not', async () => {
    const { page } = await openPage(browser, server.url);
    const chart = page.locator('#throughput .u-over');
    await expect.poll(() => chart.getAttribute('aria-label')).toContain('from 0 s to 20:00');
    for (const [name, from] of [
      ['1 min', '19:00'],
      ['5 min', '15:00'],
      ['15 min', '5:00'],
      ['all', '0 s'],
    ]) {
      await page.getByRole('button', { name, exact: true }).click();
      await expect.poll(() => chart.getAttribute('aria-label')).toContain(`from ${from} to 20:00`);
      expect(await page.locator('#ranges [aria-pressed="true"]').textContent()).toBe(name);
    }
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: '1 min', exact: true }).click();
    await expect.poll(() => chart.getAttribute('aria-label')).toContain('from 19:00 to 20:00');
  });

  it('says when the server is gone, and goes on by itself when it is back, with another run too', async () => {
    const { page } = await openPage(browser, server.url);
    await expect.poll(() => text(page, 'connection')).toBe('live');
    const port = Number(new URL(server.url).port);
    await server.close();
    await expect.poll(() => text(page, 'connection')).toContain('lost');
    run = new StagedRun();
    run.goOn(60);
    server = await DashboardServer.open({ monitor: run, port, host: '127.0.0.1' });
    await expect.poll(() => text(page, 'connection')).toBe('live');
    await expect.poll(() => text(page, 'elapsed')).toBe('21:00');
  });

  it.each(['light', 'dark'] as const)('fits a phone, in %s', async (colorScheme) => {
    const { page, complaints } = await openPage(browser, server.url, { viewport: PHONE, colorScheme });
    await expect.poll(() => text(page, 'connection')).toBe('live');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    expect(complaints).toEqual([]);
  });

  describe('of a real run', () => {
    const dir = mkdtempSync(join(tmpdir(), 'engine-sim-dashboard-'));
    let child: ChildProcess | undefined;
    afterEach(async () => {
      if (child !== undefined && child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    function startCrash(): Promise<string> {
      const args = [
        'crash',
        '--dir',
        join(dir, 'log'),
        '--kills',
        '1000',
        '--events',
        '100000',
        '--dashboard',
      ];
      child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
      const { stderr } = child;
      let said = '';
      return new Promise((resolve, reject) => {
        stderr!.setEncoding('utf8').on('data', (more: string) => {
          said += more;
          const url = /^dashboard: (http:\S+)$/m.exec(said)?.[1];
          if (url !== undefined) resolve(url);
        });
        child!.once('exit', () => reject(new Error(`it ended: ${said}`)));
      });
    }

    it('lives through the deaths of the engine, again and again', async () => {
      const url = await startCrash();
      const { page, complaints } = await openPage(browser, url);
      const kills = async (): Promise<number> => Number(await text(page, 'tile-kills'));
      await expect.poll(kills).toBeGreaterThanOrEqual(3);
      expect(await text(page, 'connection')).toBe('live');
      expect(await text(page, 'tile-lost')).toBe('0');
      expect(await page.locator('#incidents tr.recovered').count()).toBeGreaterThanOrEqual(2);
      const metrics = await (await fetch(`${url}metrics`)).text();
      expect(Number(/^fswal_sim_kills_total (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(3);
      expect(complaints).toEqual([]);
    });
  });
});
