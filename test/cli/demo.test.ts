import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

test('the second demo finds nothing new and adds nothing', async () => {
  place = await workplace({ detections: 0 });
  const first = await place.sluice('demo', '--detections', '300');
  expect(first.stdout).toMatch(/^cylance\.detection +300 +300 +300 +300 /m);
  for (const name of ['instaquery', 'instaquery_result', 'retrieved_file']) {
    const [, , documents, expected] =
      new RegExp(`^cylance\\.${name} +(\\S+) +(\\S+) +(\\S+) +(\\S+) `, 'm').exec(first.stdout)?.slice(1) ?? [];
    expect([name, documents]).toEqual([name, expected]);
    expect(Number(expected?.replace(',', ''))).toBeGreaterThan(10);
  }
  expect(first.stdout).toMatch(/"dataset": "cylance\.detection"/);
  const folder = join(place.folder, 'sluice-demo', 'out', 'demo_300', 'cylance.detection');
  const sizes = () => readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]);
  const before = sizes();
  const second = await place.sluice('demo', '--detections', '300');
  expect(second.stdout).toMatch(/nothing new/);
  expect(sizes()).toEqual(before);
  expect([first.code, second.code]).toEqual([0, 0]);
});
