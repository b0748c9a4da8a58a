/**
 * Rewrites the expected documents of all fixtures from what the mappings make of their inputs now. Look at the
 * difference before committing it: that is the review of a mapping's change.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streams } from '../connectors/index.ts';
import { documentOf, type Fixture, folderOf } from '../test/fixtures/documents.ts';

if (process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false') {
  console.error('golden: refused where CI is set: expectations are changed by people, not by a build');
  process.exit(1);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', 'test', 'fixtures');
let changed = 0;
let total = 0;
for (const registered of streams) {
  const folder = join(root, folderOf(registered.stream.name));
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.input.json')) continue;
    const fixture = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Fixture;
    const expected = join(folder, file.replace('.input.json', '.expected.json'));
    const content = `${JSON.stringify(documentOf(registered, fixture), null, 2)}\n`;
    total++;
    if (existsSync(expected) && readFileSync(expected, 'utf8') === content) continue;
    writeFileSync(expected, content);
    changed++;
    console.error(`golden: ${expected}`);
  }
}
console.error(`golden: ${changed} of ${total} expectations written`);
