/** docs/mapping.md as it stands: its rules and its module in a config, shown by `sample`, run, and verified. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Workplace, workplace } from './binary.ts';

const PAGE = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'mapping.md'), 'utf8');
const [rules = '', module = ''] = [...PAGE.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);
const [, ours = ''] = /```ts\n([\s\S]*?)```/.exec(PAGE) ?? [];

let place: Workplace;
afterEach(() => place.close());

function configure(mapping: string): void {
  place.configure();
  const file = join(place.folder, 'sluice.yaml');
  const text = readFileSync(file, 'utf8').replace(
    '    http:',
    () => `    reading: { lookback: 3650d }\n${mapping}    http:`,
  );
  writeFileSync(file, text);
}

const parsed = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('its rules drop what they say, the ledger counts it, and nothing is missing', { timeout: 90_000 }, async () => {
  place = await workplace({ detections: 40 });
  configure(rules);
  const sampled = await place.sluice('sample', 'cylance.detection', '-n', '40', '--json');
  const shown = parsed(sampled.stdout) as { before: object; document?: object; dropped?: string }[];
  const dropped = shown.filter((one) => one.dropped === 'by rule 1').length;
  expect(dropped).toBeGreaterThan(0);
  expect(shown.filter((one) => one.document !== undefined)).toHaveLength(40 - dropped);
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect(place.delivered()).toHaveLength(40 - dropped);
  const ledger = parsed((await place.sluice('ledger', '--json')).stdout) as { walk: string; dropped: number }[];
  expect(ledger.filter(({ walk }) => walk === 'live').reduce((sum, row) => sum + row.dropped, 0)).toBe(dropped);
  const verified = await place.sluice('verify', '--from', '3650d');
  expect(verified.stdout).toContain(`(${dropped} dropped by the mapping of the config): everything is there, once`);
  expect(verified.code).toBe(0);
});

test('its module is loaded from beside the config, and one that is not there is an error of the config', {
  timeout: 60_000,
}, async () => {
  place = await workplace({ detections: 10 });
  configure(module);
  const missing = await place.sluice('run', '--once');
  expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('the mapping ours.ts cannot be loaded') });
  writeFileSync(join(place.folder, 'ours.ts'), ours);
  const [sampled] = parsed((await place.sluice('sample', 'cylance.detection', '--json')).stdout);
  expect(sampled.document.labels.site).toBe('acme');
  expect((await place.sluice('run', '--once')).code).toBe(0);
});
