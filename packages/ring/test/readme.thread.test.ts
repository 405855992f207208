import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const example = fileURLToPath(new URL('./example.mjs', import.meta.url));
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example of the README is example.mjs', () => {
  expect(readme).toContain(`\`\`\`js\n${readFileSync(example, 'utf8')}\`\`\``);
});

it('the example prints what it says', () => {
  expect(execFileSync(process.execPath, [example], { encoding: 'utf8' })).toBe('999999000000\n');
});
