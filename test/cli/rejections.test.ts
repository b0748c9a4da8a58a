import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { causeOf } from '../../src/sinks/causes.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { StoredRejection } from '../../src/state/store.ts';
import { type Workplace, workplace } from './binary.ts';

const PIPELINE = 'acme/cylance.detection/files';
const CONFLICT = {
  type: 'document_parsing_exception',
  reason: "[1:9] failed to parse field [host.ip] of type [ip] in document with id 'a'",
  field: 'host.ip',
};
const LIMIT = { type: 'illegal_argument_exception', reason: 'Limit of total fields [1000] has been exceeded' };

let place: Workplace;
beforeEach(async () => {
  place = await workplace({ detections: 3 });
  place.configure();
});
afterEach(() => place.close());

/** As a sink that rejects leaves them: one after the other, a minute apart. */
function reject(rejections: readonly Omit<StoredRejection, 'document'>[]): void {
  let nowMs = Date.UTC(2026, 0, 2);
  const store = openState({ path: join(place.folder, 'sluice-state'), now: () => nowMs, exclusive: true });
  const state = store.pipeline(PIPELINE);
  state.begin('live', 'live', { fromMs: 0, toMs: 1 });
  for (const [index, one] of rejections.entries()) {
    const document = JSON.stringify({ event: { id: one.key }, message: `of ${one.id}` });
    const more = { rows: [], ledger: [], children: [], receipt: null };
    state.commit({ walk: 'live', number: index + 1, ...more, rejections: [{ ...one, document }] });
    nowMs += 60_000;
  }
  store.close();
}

const several = () => [
  { id: 'id-a', key: 'A', ...CONFLICT },
  { id: 'id-b', key: 'B', ...LIMIT },
  { id: 'id-c', key: 'C', ...CONFLICT, reason: CONFLICT.reason.replace("'a'", "'c'") },
];

test('the list is by cause and field, with count, first and last time, an example, and what to do', async () => {
  reject(several());
  const { stdout } = await place.sluice('rejections', 'list');
  expect(stdout).toMatch(/mapping conflict +host\.ip +2 +2026-01-02 00:00:00Z +2026-01-02 00:02:00Z +A\n/);
  expect(stdout).toMatch(/too many fields +- +1 +2026-01-02 00:01:00Z +2026-01-02 00:01:00Z +B\n/);
  expect(stdout).toMatch(/total_fields\.limit/);
  const { stdout: json } = await place.sluice('rejections', 'list', '--json');
  const [first] = json.split('\n').map((line) => line && JSON.parse(line));
  expect(first).toMatchObject({ pipeline: PIPELINE, cause: 'mapping conflict', field: 'host.ip', count: 2, key: 'A' });
  expect(json.trim().split('\n')).toHaveLength(2);
  const { stdout: all } = await place.sluice('rejections', 'list', '--all', '--json');
  expect(
    all
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
  ).toEqual(['id-a', 'id-b', 'id-c']);
});

test('one is shown by id and by key: the exact document, the reason, and what to do', async () => {
  reject(several());
  for (const name of ['id-b', 'B']) {
    const { stdout } = await place.sluice('rejections', 'show', name);
    expect(stdout).toContain('key B, id id-b');
    expect(stdout).toContain('illegal_argument_exception: Limit of total fields');
    expect(stdout).toContain('"message": "of id-b"');
  }
  const { stdout } = await place.sluice('rejections', 'show', 'A', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ cause: 'mapping conflict', document: { message: 'of id-a' } });
  const none = await place.sluice('rejections', 'show', 'Z');
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('no rejected document has the id or key "Z"')]);
});

test('dropping needs a yes, takes what was named, is logged, and is remembered as given up', async () => {
  reject(several());
  const asked = await place.sluice('rejections', 'drop', '--type', CONFLICT.type);
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(/2 documents .* gone for good[\s\S]*--yes/)]);
  const dropped = await place.sluice('rejections', 'drop', '--type', CONFLICT.type, '--yes');
  expect([dropped.code, dropped.stdout]).toEqual([0, `${PIPELINE}: 2 documents given up\n`]);
  expect(dropped.stderr).toMatch(/given up.*document_parsing_exception[\s\S]*given up/);
  expect((await place.sluice('rejections', 'list')).stdout).toMatch(/too many fields/);
  expect((await place.sluice('state', 'show')).stdout).toMatch(/1 rejected, 2 given up/);
  const last = await place.sluice('rejections', 'drop', '--id', 'B', '--yes');
  expect(last.stdout).toBe(`${PIPELINE}: 1 document given up\n`);
  expect((await place.sluice('rejections', 'drop', '--yes')).stdout).toMatch(/nothing is dropped/);
});

test.each([
  ['document_parsing_exception', 'failed to parse field [a.b] of type [long]', 'mapping conflict'],
  ['mapper_parsing_exception', 'object mapping for [a] tried to parse field [a] as object', 'mapping conflict'],
  ['illegal_argument_exception', 'mapper [a] cannot be changed from type [keyword] to [long]', 'mapping conflict'],
  ['document_parsing_exception', 'Limit of total fields [1000] has been exceeded', 'too many fields'],
  ['illegal_argument_exception', 'Document contains at least one immense term in field="a"', 'term too long'],
  ['strict_dynamic_mapping_exception', 'dynamic introduction of [b] within [a] is not allowed', 'field not allowed'],
  ['failure_store', 'Elasticsearch put the document into the failure store', 'in the failure store'],
  ['too_large', "the document's 9 bytes are more than one request may hold", 'too large for a request'],
  ['message_too_large', 'the record has 9 bytes', 'too large for a message'],
  ['document_parsing_exception', 'data stream timestamp field [@timestamp] is missing', 'outside of the time range'],
  ['ingest_processor_exception', 'field [a] not present', 'ingest pipeline'],
  ['new_exception', 'of a version to come', 'new_exception'],
])('%s: %s is called %s', (type, reason, name) => {
  expect(causeOf({ type, reason }).name).toBe(name);
  expect(causeOf({ type, reason }).suggestion).toMatch(/replay/);
});
