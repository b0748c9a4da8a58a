/** docs/security.md promises nothing that no test shows, and nobody is told to run what is not ours. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The cells of each row of the page's table of threats. */
function rows(): string[][] {
  const lines = read('docs/security.md').split('\n');
  const from = lines.findIndex((line) => line.startsWith('| who |'));
  const table = lines.slice(from + 2);
  return table
    .slice(
      0,
      table.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => line.split('|').slice(1, -1));
}

test('there is a table, and every row says who, what, and what is done', () => {
  expect(rows().length).toBeGreaterThanOrEqual(15);
  for (const row of rows()) {
    expect(row, row.join('|')).toHaveLength(5);
    for (const cell of row.slice(0, 4)) expect(cell.trim(), row.join('|')).not.toBe('');
  }
});

test.each(rows().map((row) => [row[1]?.trim() ?? '', row[3] ?? '']))('%s: its tests are there', (_what, shown) => {
  const files = [...shown.matchAll(/`(test\/[^`]+)`/g)].map(([, file]) => file as string);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    expect(read(file), file).toMatch(/\b(?:test|it)(?:\.each)?\(/);
  }
});

test('npx is advised in the clone alone, as long as the name in the registry is not ours', () => {
  const files = globSync(['*.md', 'docs/**/*.md', 'src/**/*.ts', 'simulator/**/*.md', 'Dockerfile'], { cwd: ROOT });
  const naming = files.filter((file) => /npx (?:-\S+ )*sluice/.test(read(file)));
  expect(naming).toEqual(['README.md']);
  expect(read('README.md')).toContain('in the clone and nowhere else');
});
