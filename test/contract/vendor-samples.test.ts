/** Every JSON sample of the vendors' documents: each is JSON once it is mended, and what a stream ships of it becomes documents. */
import { describe, expect, it } from 'vitest';
import { recordsOf as recordsOfTask } from '../../connectors/apex-central/footprint/events.ts';
import { readTaskReply } from '../../connectors/apex-central/shared/envelope.ts';
import { toRecords as toEntries } from '../../connectors/cylance/device-lockdown.ts';
import { toRecord } from '../../connectors/cylance/instaquery-result.ts';
import { readPage } from '../../connectors/cylance/shared/pages.ts';
import { streams } from '../../connectors/index.ts';
import { undeclared, violations } from '../../mappings/ecs-check.ts';
import { documentOf } from '../fixtures/documents.ts';
import { mended, printed, readSamples, type Sample } from '../fixtures/vendor-samples.ts';

/** The records of a reply, as the stream hands them to the engine. `found` is what stands at the sample's `records`. */
type ToRecords = (found: unknown[], reply: unknown) => unknown[];

/** Streams that do not ship what stands in the reply as it is. */
const TO_RECORDS: Readonly<Record<string, ToRecords>> = {
  'cylance.device_lockdown': (_found, reply) => toEntries(reply, (reply as { id: string }).id, 'the sample'),
  // Members of the envelope stand among the items of its list.
  'cylance.exception': (found, reply) =>
    found[0] === reply ? found : [...readPage(reply, 'the sample', { page: 1, pageSize: 10 }).records],
  // Its result is empty in the guide, which leaves open what stands there; the stream would look again.
  'cylance.focus_view_result': (_found, reply) => {
    const { id, result } = reply as { id: string; result: unknown };
    return [{ Result: result, FocusView: { id } }];
  },
  'cylance.instaquery_result': (found, reply) => {
    const { id } = reply as { id: string };
    return found.map((entry) => toRecord(entry, { key: id, facts: { name: '' } }));
  },
  'apex_central.footprint': (_found, reply) =>
    recordsOfTask(readTaskReply(reply, 'the sample'), { serverGuid: 's', agentGuid: 'a', scanSummaryGuid: 'i' }),
};

const samples = readSamples();
const registry = new Map(streams.map((registered) => [registered.stream.name as string, registered]));

function recordsOf({ stream = '', records = '', ...sample }: Sample): unknown[] {
  const reply: unknown = JSON.parse(mended(sample));
  const path = records === '' ? [] : records.split('.');
  const found = path.reduce((value, name) => (value as Record<string, unknown>)[name], reply);
  const list = Array.isArray(found) ? found : [found];
  return TO_RECORDS[stream]?.(list, reply) ?? list;
}

function isJson(text: () => string): boolean {
  try {
    JSON.parse(text());
    return true;
  } catch {
    return false;
  }
}

it('names streams that are in the registry', () => {
  const shipped = new Set(samples.flatMap(({ stream }) => stream ?? []));
  expect([...shipped].filter((name) => !registry.has(name))).toEqual([]);
  expect(Object.keys(TO_RECORDS).filter((name) => !registry.has(name) || !shipped.has(name))).toEqual([]);
});

describe.each(samples.map((sample) => [sample.file, sample] as const))('%s', (file, sample) => {
  it('says where it stands, and what becomes of it', () => {
    const { document, line, lastLine, member, pieces, stream, notShipped } = sample;
    expect(file).toBe(`${document.slice(0, 3)}-${line}${member === undefined ? '' : `-${member}`}.json`);
    expect(pieces[0]?.line).toBe(line);
    const ends = pieces.map((piece) => piece.line + piece.text.split('\n').length - 1);
    expect(pieces.slice(1).every((piece, index) => piece.line > (ends[index] ?? Infinity))).toBe(true);
    expect(ends.at(-1)).toBe(lastLine);
    expect(sample.what).not.toBe('');
    expect([stream, notShipped].filter((text) => text !== undefined && text !== '')).toHaveLength(1);
  });

  it('is JSON with its mends, and not with one less', () => {
    expect(() => JSON.parse(mended(sample))).not.toThrow();
    expect(isJson(() => printed(sample))).toBe(sample.mends.length === 0);
    for (const mend of sample.mends) {
      expect(mend.why).not.toBe('');
      const others = sample.mends.filter((other) => other !== mend);
      expect(
        isJson(() => mended(sample, others)),
        mend.find,
      ).toBe(false);
    }
  });

  const registered = registry.get(sample.stream ?? '');
  if (registered === undefined) return;

  it(`has records that ${sample.stream} makes documents of`, () => {
    const records = recordsOf(sample);
    expect(records).not.toEqual([]);
    for (const record of records) {
      const { _id, ...document } = documentOf(registered, { about: sample.what, record });
      expect(violations(document, registered.connector.name, registered.fields)).toEqual([]);
      expect(undeclared(document, registered.fields)).toEqual([]);
    }
  });
});
