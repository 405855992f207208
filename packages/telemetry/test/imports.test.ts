import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

test('no file of the package loads another package: the exporters are given what they write to', () => {
  const dist = new URL('../dist/', import.meta.url);
  const files = readdirSync(dist).filter((name) => name.endsWith('.js'));
  const imported = files.flatMap((name) =>
    [
      ...readFileSync(new URL(name, dist), 'utf8').matchAll(
        /\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g,
      ),
    ].map(([, from]) => from!),
  );
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((from) => !from.startsWith('./'))).toEqual([]);
});
