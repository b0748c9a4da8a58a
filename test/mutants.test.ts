/** Every mutant can still be made, and has tests that are to catch it; `npm run test:mutants` runs them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutated } from '../scripts/mutants/mutant.ts';
import { MUTANTS } from '../scripts/mutants/table.ts';

const root = join(import.meta.dirname, '..');

test.each(MUTANTS)('$name', (mutant) => {
  const files = mutated(root, mutant);
  expect(files.size).toBeGreaterThan(0);
  expect(mutant.tests.length).toBeGreaterThan(0);
  for (const file of mutant.tests) expect(existsSync(join(root, file)), file).toBe(true);
});

test('each has a name of its own', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

test('a text that is not there, or is there twice, is an error that names it', () => {
  const mutant = { name: 'odd', fault: '', tests: [] };
  const edit = (find: string) => ({ ...mutant, edits: [{ file: 'src/engine/claims.ts', find, put: '' }] });
  expect(() => mutated(root, edit('no such text'))).toThrow(/odd: src\/engine\/claims.ts has this text 0 times/);
  expect(() => mutated(root, edit('claims'))).toThrow(/ \d times, not once/);
});
