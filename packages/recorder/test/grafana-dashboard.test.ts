/* The dashboard of docs/ asks for what is exported. What it asks of a recovery, the tests of that check. */
import fs from 'node:fs';
import { openMetricsText } from '@fswal/telemetry/openmetrics';
import { expect, test } from 'vitest';
import { collectRecorder } from '../src/telemetry.js';
import { FAST, newLogDir } from './helpers/directories.js';
import { HandRecorder } from './helpers/hand-recorder.js';

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; datasource: { uid: string } }[];
}

const text = fs.readFileSync(new URL('../../../docs/grafana-dashboard.json', import.meta.url), 'utf8');
const dashboard = JSON.parse(text) as {
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string }[] };
};
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

test('is a dashboard of a current form, with a data source to choose and panels side by side', () => {
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(39);
  expect(dashboard.templating.list).toContainEqual(
    expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how Grafana names a variable
  expect(new Set(targets.map(({ datasource }) => datasource.uid))).toEqual(new Set(['${datasource}']));
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const taken = new Set<string>();
  for (const { gridPos, title } of dashboard.panels) {
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.has(`${x} ${y}`), title).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
  }
});

test('every metric of a recorder that it asks for is exported', () => {
  const recorder = new HandRecorder({ dir: newLogDir(FAST) });
  const { measured } = recorder;
  const source = {
    collect: (prefix: string, collector: Parameters<typeof collectRecorder>[2]) =>
      collectRecorder(measured, prefix, collector),
  };
  const exposition = openMetricsText(source, { prefix: 'fswal_recorder' });
  const exported = new Set(exposition.split('\n').map((line) => /^\w+/.exec(line)?.[0]));
  const asked = targets.flatMap(({ expr }) => expr.match(/fswal_recorder_\w+/g) ?? []);
  expect(asked.length).toBeGreaterThan(30);
  expect(asked.filter((name) => !exported.has(name))).toEqual([]);
  expect(targets.filter(({ expr }) => !/fswal_(recorder|recovery)_\w+/.test(expr))).toEqual([]);
  recorder.close();
});
