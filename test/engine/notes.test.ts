/** What streams of one source tell each other: committed with the record, shared by all pipelines, kept over a restart. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256sIn } from '../../connectors/cylance/shared/hashes.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { completeHost, HOST_FIELDS, hostNote } from '../../src/api/records/host-facts.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { PipelineState, Row } from '../../src/state/store.ts';
import { scratch } from './harness.ts';

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const open = () => openState({ path: folder.path, now: () => 1000, exclusive: true });
const RANGE = { fromMs: 0, toMs: 1 };

function row(key: string, notes: Row['notes']): Row {
  return {
    ...{ key, rowId: undefined, id: `id-${key}`, fingerprint: 'f', revision: 'r', ordinal: 1, timeMs: 1, digests: '' },
    ...{ deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null, notes },
  };
}

function commit(state: PipelineState, rows: Row[]): void {
  state.begin('live', 'live', RANGE);
  state.commit({ walk: 'live', number: 1, rows, ledger: [], rejections: [], children: [], receipt: null });
}

describe('notes', () => {
  test('are shared by the pipelines of a source, whatever the sink, and by no others', () => {
    const store = open();
    const note = { kind: 'sha256', id: 'aa', value: '' };
    commit(store.pipeline('acme/cylance.detection/elastic'), [row('d', [note, { ...note, id: 'bb' }])]);
    expect(store.pipeline('acme/cylance.threat_device/kafka').noted('sha256')).toEqual(['aa', 'bb']);
    expect(store.pipeline('acme/cylance.threat_device/kafka').noted('host')).toEqual([]);
    expect(store.pipeline('other/cylance.threat_device/kafka').noted('sha256')).toEqual([]);
    store.close();
  });

  test('of a batch that arrived before a crash are entered when it is recovered, of one that did not they are not', () => {
    const store = open();
    const state = store.pipeline('acme/cylance.detection/elastic');
    state.begin('live', 'live', RANGE);
    const noted = (key: string) => row(key, [{ kind: 'sha256', id: key, value: '' }]);
    state.prepare('live', 1, [noted('arrived'), noted('lost')]);
    store.close();
    const again = open();
    const recovered = again.pipeline('acme/cylance.detection/elastic');
    expect(recovered.noted('sha256')).toEqual([]);
    recovered.resolve(new Set(['id-arrived']));
    expect(recovered.noted('sha256')).toEqual(['arrived']);
    again.close();
  });

  test('outlive the reset of a pipeline, and the last one counts', () => {
    const store = open();
    const state = store.pipeline('acme/cylance.device/elastic');
    for (const value of ['old', 'new']) commit(state, [row(value, [{ kind: 'host', id: 'h', value }])]);
    state.reset();
    expect(state.note('host', 'h')).toBe('new');
    expect(state.note('host', 'other')).toBeUndefined();
    store.close();
  });
});

describe('hashes of a record', () => {
  test('are found at any depth and in any casing, once; what only looks like one is not', () => {
    const one = 'a'.repeat(64);
    const other = `${'B'.repeat(63)}1`;
    const record = {
      AssociatedArtifacts: [
        { File: { Sha256Hash: one } },
        { Process: { PrimaryImage: { sha256: other, again: one } } },
      ],
      Md5: 'c'.repeat(32),
      CommandLine: `tool ${'d'.repeat(64)}`,
      Odd: 'g'.repeat(64),
    };
    expect(sha256sIn(record)).toEqual([one, other.toLowerCase()]);
    expect(sha256sIn(null)).toEqual([]);
  });
});

describe('a host', () => {
  const inventory = {
    '@timestamp': '2026-01-01T00:00:00.000Z',
    host: { id: 'h', name: 'PC', ip: ['10.0.0.1'], mac: ['AA-BB-CC-DD-EE-FF'], os: { type: 'windows' }, domain: 'x' },
  };
  const lookUp = (document: EcsDocument) => {
    const note = hostNote(document);
    return (kind: string, id: string) => (note?.kind === kind && note.id === id ? note.value : undefined);
  };

  test('gets what it lacks from the inventory, and says so; what the record says stays', () => {
    const document = { '@timestamp': '', host: { id: 'h', name: 'pc', ip: ['10.9.9.9'] }, tags: ['one'] };
    completeHost(document, lookUp(inventory));
    expect(document).toEqual({
      '@timestamp': '',
      host: { id: 'h', name: 'pc', ip: ['10.9.9.9'], mac: ['AA-BB-CC-DD-EE-FF'], os: { type: 'windows' } },
      tags: ['one', 'host_from_inventory'],
    });
    expect(HOST_FIELDS).toEqual(expect.arrayContaining(['host.ip', 'host.mac', 'host.os.type']));
  });

  test('that is unknown, has no id, or lacks nothing is left as it is', () => {
    for (const host of [{ id: 'other' }, { name: 'PC' }, undefined, { ...inventory.host }]) {
      const document = { '@timestamp': '', ...(host === undefined ? {} : { host }) };
      const before = structuredClone(document);
      completeHost(document, lookUp(inventory));
      expect(document).toEqual(before);
    }
  });

  test('gets what its system lacks, where the inventory knows the same kind of system', () => {
    const os = { type: 'windows', name: 'Windows 11', full: 'Microsoft Windows 11 Pro' };
    const known = lookUp({ ...inventory, host: { ...inventory.host, os } });
    const completed = (said: Record<string, string>) => {
      const document: EcsDocument = { '@timestamp': '', host: { id: 'h', ip: [''], mac: [''], os: said } };
      completeHost(document, known);
      return [(document.host as { os: unknown }).os, document.tags];
    };
    expect(completed({ type: 'windows' })).toEqual([os, ['host_from_inventory']]);
    expect(completed({ type: 'windows', name: 'W' })).toEqual([{ ...os, name: 'W' }, ['host_from_inventory']]);
    expect(completed({ type: 'linux' })).toEqual([{ type: 'linux' }, undefined]);
    expect(completed({ ...os })).toEqual([os, undefined]);
  });

  test('with endless addresses leaves an empty note, in place of what was said of it before', () => {
    const ip = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    expect(hostNote({ '@timestamp': '', host: { id: 'h', ip } })).toEqual({ kind: 'host', id: 'h', value: '{}' });
    expect(hostNote({ '@timestamp': '' })).toBeUndefined();
  });
});
