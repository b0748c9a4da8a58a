/**
 * Rewrites the expected documents of fixtures from what the mappings make of their inputs now: of all streams, or of those
 * that are named (`npm run golden cylance.device`). A document that says the same in another order is left as it is. Look
 * at the difference before committing it: that is the review of a mapping's change.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { streams } from '../connectors/index.ts';
import { messageOf } from '../src/api/errors.ts';
import type { Registered } from '../src/api/stream.ts';
import { documentOf, type Fixture, folderOf } from '../test/fixtures/documents.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function fail(message: string): never {
  console.error(`golden: ${message}`);
  process.exit(1);
}

function chosen(names: readonly string[]): readonly Registered[] {
  const unknown = names.find((name) => !streams.some(({ stream }) => stream.name === name));
  if (unknown !== undefined) {
    fail(`there is no stream "${unknown}"; there are ${streams.map(({ stream }) => stream.name).join(', ')}`);
  }
  return names.length === 0 ? streams : streams.filter(({ stream }) => names.includes(stream.name));
}

/** The expectation as text; undefined where the one that stands there says the same. */
function written(registered: Registered, input: string, expected: string): string | undefined {
  try {
    const fixture = JSON.parse(readFileSync(input, 'utf8')) as Fixture;
    const content = `${JSON.stringify(documentOf(registered, fixture), null, 2)}\n`;
    const isSame =
      existsSync(expected) && isDeepStrictEqual(JSON.parse(readFileSync(expected, 'utf8')), JSON.parse(content));
    return isSame ? undefined : content;
  } catch (error) {
    return fail(`${relative(root, input)}: ${messageOf(error)}`);
  }
}

if (process.env.CI !== undefined && process.env.CI !== '' && process.env.CI !== 'false') {
  fail('refused where CI is set: expectations are changed by people, not by a build');
}

let changed = 0;
let total = 0;
for (const registered of chosen(process.argv.slice(2))) {
  const folder = join(root, 'test', 'fixtures', folderOf(registered.stream.name));
  if (!existsSync(folder)) continue;
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.input.json')) continue;
    const expected = join(folder, file.replace('.input.json', '.expected.json'));
    const content = written(registered, join(folder, file), expected);
    total++;
    if (content === undefined) continue;
    writeFileSync(expected, content);
    changed++;
    console.error(`golden: ${relative(root, expected)}`);
  }
}
console.error(`golden: ${changed} of ${total} expectations written`);
