/** Files that change their names while they are read. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { storedIn } from '../../src/sinks/ndjson/stored.ts';
import { scratch } from '../engine/harness.ts';

const line = (key: string) => `${JSON.stringify({ event: { id: key, hash: 'h', sequence: 1 } })}\n`;

it('reads a segment that gets its name while others are read', async () => {
  const { path, remove } = scratch();
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'a-000001.ndjson'), line('one'));
  const part = join(path, 'live-000001.ndjson.part');
  writeFileSync(part, line('two'));
  const keys: string[] = [];
  for await (const { key } of storedIn(path, { stream: 'a.b', namespace: 'x' }, new AbortController().signal)) {
    keys.push(key);
    if (key === 'one') renameSync(part, join(path, 'live-000001.ndjson'));
  }
  remove();
  expect(keys).toEqual(['one', 'two']);
});
