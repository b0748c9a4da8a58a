import { describe, expect, test } from 'vitest';
import { device, inOrder } from '../../connectors/cylance/device.ts';
import { deviceLockdown, toRecords } from '../../connectors/cylance/device-lockdown.ts';
import { threat } from '../../connectors/cylance/threat.ts';
import { threatDevice } from '../../connectors/cylance/threat-device.ts';
import type { VendorRequest } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { revisionOf } from '../../src/api/records/identity.ts';
import type { Stream } from '../../src/api/stream.ts';
import type { ChildRow, Walk } from '../../src/api/walk.ts';
import { clientOf, contextOf } from './context.ts';

const PROTECT = '45e07f34-e76b-4a9e-b167-d6d0c510d6ba';
const OPTICS = '45E07F34E76B4A9EB167D6D0C510D6BA';
const SHA256 = 'bf17366ee3bb8068a9ad70fc9e68496e7e311a055bf4ffeeff53cc5d29ccce52';
const WALK: Walk = { id: 'live', kind: 'live', range: { fromMs: 0, toMs: 1 }, once: true };

/** A vendor whose replies are made by hand, and an engine that remembers children. */
function place(replies: Record<string, unknown | ((call: number) => unknown)>, parents: string[] = []) {
  const rows = new Map<string, ChildRow>();
  const asked: string[] = [];
  const json = async ({ path, recognise, accept }: VendorRequest): Promise<unknown> => {
    const call = asked.filter((one) => one === path).length;
    asked.push(path);
    const made = replies[path];
    const reply = typeof made === 'function' ? made(call) : made;
    if (reply === undefined) throw new SluiceError('404', { action: 'skip' });
    return recognise?.(JSON.stringify(reply)) ?? accept(structuredClone(reply));
  };
  const context = contextOf({
    client: clientOf({ json }),
    settings: {
      ...{ pageSize: 20, settleAttempts: 4, childConcurrency: 1 },
      ...{ childDeadlineMs: 1e9, childRepeatMs: 1e6, snapshotMs: 1000 },
    },
    knownChild: (key: string) => rows.get(key),
    openChildren: () => [...rows.values()].filter(({ status }) => status === 'open'),
    ...{ parents, now: () => 1 },
  });
  return {
    rows,
    asked,
    async read(stream: Stream): Promise<unknown[]> {
      const records: unknown[] = [];
      for await (const page of stream.pages(context, WALK, undefined)) {
        records.push(...page.records);
        if (page.child !== undefined) rows.set(page.child.child, page.child);
      }
      return records;
    },
  };
}

function listOf(...items: unknown[]): unknown {
  return { page_number: 1, page_size: 20, total_number_of_items: items.length, page_items: items };
}

function revision(stream: Stream, record: unknown): string {
  return revisionOf(record, new Set(stream.ignored));
}

describe('lockdowns', () => {
  const reply = {
    ...{ id: OPTICS, hostname: 'PC', tenant_id: 'T', connection_status: 'connected', password: 'opens' },
    lockdown_history: [{ user_id: 'u', timestamp: '2026-05-04T08:00:02Z', command: 'Lockdown' }],
  };
  const path = `/devicecommands/v2/${OPTICS}/lockdown`;

  test('are asked for in the form of Optics, whatever the list or the configuration writes, and hold no password', async () => {
    const { read, asked, rows } = place({ '/devices/v2': listOf({ id: PROTECT }), [path]: reply });
    const records = await read(deviceLockdown);
    expect(asked).toEqual(['/devices/v2', '/devices/v2', path]);
    expect(records).toEqual([{ ...reply.lockdown_history[0], Device: { id: OPTICS, hostname: 'PC', tenant_id: 'T' } }]);
    expect(rows.get(PROTECT)).toMatchObject({ status: 'complete', records: 1, nextAtMs: 1 + 1e6 });
    const configured = place({ '/devices/v2': listOf(), [path]: reply }, [PROTECT.toUpperCase()]);
    expect(await configured.read(deviceLockdown)).toEqual(records);
    expect(deviceLockdown.key(records[0])).toBe(`${PROTECT}|2026-05-04T08:00:02Z|Lockdown|u`);
  });

  test.each([
    ['another device', { ...reply, id: OPTICS.replace('4', '5') }],
    ['no device', { ...reply, id: undefined }],
    ['no history', { ...reply, lockdown_history: undefined }],
    ['nothing', null],
  ])('of %s are a garbled reply', (_what, body) => {
    expect(() => toRecords(body, OPTICS, 'GET')).toThrow(expect.objectContaining({ action: 'retry' }));
  });

  test('a device that was never locked down has none, however the vendor writes that', () => {
    for (const lockdown_history of [null, []])
      expect(toRecords({ ...reply, lockdown_history }, OPTICS, 'GET')).toEqual([]);
  });

  test('a device without Optics has none; where there were some, a 404 is trouble', async () => {
    const vendor = place({
      '/devices/v2': listOf({ id: PROTECT }),
      [path]: (call: number) => (call === 1 ? reply : undefined),
    });
    expect(await vendor.read(deviceLockdown)).toEqual([]);
    expect(vendor.rows.get(PROTECT)).toMatchObject({ status: 'complete', records: 0, failures: 0 });
    vendor.rows.clear();
    expect(await vendor.read(deviceLockdown)).toHaveLength(1);
    vendor.rows.set(PROTECT, { ...(vendor.rows.get(PROTECT) as ChildRow), nextAtMs: 0 });
    expect(await vendor.read(deviceLockdown)).toEqual([]);
    expect(vendor.rows.get(PROTECT)).toMatchObject({ status: 'open', records: 1, failures: 1 });
  });
});

describe('where threats were found', () => {
  const path = `/threats/v2/${SHA256}/devices`;
  const listed = { sha256: SHA256.toUpperCase(), name: 'x.exe', last_found: '2026-05-04T08:00:02', safelisted: false };
  const row = {
    id: PROTECT,
    file_path: 'C:\\X.exe',
    file_status: 'Default',
    state: 'Online',
    ip_addresses: ['10.0.0.1'],
  };

  test('one key for device and path, as the path is written', () => {
    const key = (more: object) => threatDevice.key({ ...row, Threat: { sha256: SHA256 }, ...more });
    expect(key({})).toBe(`${SHA256}|${PROTECT}|${row.file_path}`);
    expect(key({ id: OPTICS, Threat: { sha256: SHA256.toUpperCase() } })).toBe(key({}));
    expect(key({ file_path: row.file_path.toUpperCase() })).not.toBe(key({}));
    expect(key({ file_path: '/tmp/X' })).not.toBe(key({ file_path: '/tmp/x' }));
  });

  test('each path has a key of its own, however the vendor calls it', async () => {
    const { file_path: _, ...rest } = row;
    const paths = ['C:\\X.exe', 'C:\\Y.exe', 'C:\\Z.exe'];
    for (const name of ['file_path', 'FilePath', 'filePath', 'FILE-PATH']) {
      const found = listOf(...paths.map((path) => ({ ...rest, [name]: path })));
      const { read } = place({ '/threats/v2': listOf(listed), [path]: found });
      const keys = (await read(threatDevice)).map(threatDevice.key);
      expect(new Set(keys)).toEqual(new Set(paths.map((path) => `${SHA256}|${PROTECT}|${path}`)));
    }
  });

  test('every row of a list that moves while it is read, and it is settled before the threat is done', async () => {
    const other = { ...row, file_path: 'C:\\Y.exe' };
    const { read, rows, asked } = place({
      '/threats/v2': listOf(listed),
      [path]: (call: number) => (call === 0 ? listOf(row) : listOf(other)),
    });
    const records = await read(threatDevice);
    const Threat = { sha256: SHA256, name: 'x.exe', safelisted: false };
    expect(records).toEqual([
      { ...row, Threat },
      { ...other, Threat },
    ]);
    expect(asked.filter((one) => one === path)).toHaveLength(3);
    expect(rows.get(SHA256)?.status).toBe('complete');
    const restless = place({
      '/threats/v2': listOf(listed),
      [path]: (call: number) => listOf({ ...row, id: `d${call}` }),
    });
    expect(await restless.read(threatDevice)).toHaveLength(4);
    expect(restless.rows.get(SHA256)?.status).toBe('open');
  });

  test('are read again when the threat is sighted, which is no change of the threat', async () => {
    const replies: Record<string, unknown> = { '/threats/v2': listOf(listed), [path]: listOf(row) };
    const { read, asked } = place(replies);
    await read(threatDevice);
    await read(threatDevice);
    expect(asked.filter((one) => one === path)).toHaveLength(2); // two passes of one reading
    const again = { ...listed, last_found: '2026-05-05T08:00:02' };
    replies['/threats/v2'] = listOf(again);
    await read(threatDevice);
    expect(asked.filter((one) => one === path)).toHaveLength(4);
    expect(revision(threat, again)).toBe(revision(threat, listed));
    expect(revision(threat, { ...listed, safelisted: true })).not.toBe(revision(threat, listed));
  });

  test('a hash that the vendor does not know has no devices; where there were some, a 404 is trouble', async () => {
    const upper = SHA256.toUpperCase();
    const vendor = place({ '/threats/v2': listOf(), [path]: (call: number) => (call < 2 ? undefined : listOf(row)) }, [
      upper,
    ]);
    for (const status of ['open', 'complete']) {
      expect(await vendor.read(threatDevice)).toEqual([]);
      expect(vendor.rows.get(upper)).toMatchObject({ status, records: 0 });
      vendor.rows.set(upper, { ...(vendor.rows.get(upper) as ChildRow), sinceMs: 1, nextAtMs: 0 });
    }
    vendor.rows.clear();
    expect(await vendor.read(threatDevice)).toEqual([{ ...row, Threat: { sha256: SHA256 } }]);
    const gone = place({ '/threats/v2': listOf() }, [upper]);
    gone.rows.set(upper, { ...(vendor.rows.get(upper) as ChildRow), nextAtMs: 0 });
    expect(await gone.read(threatDevice)).toEqual([]);
    expect(gone.rows.get(upper)).toMatchObject({ status: 'open', records: 1, failures: 1 });
  });

  test('what becomes of the device is no change of the finding; what becomes of the file is', () => {
    const moved = { ...row, state: 'OffLine', ip_addresses: [], agent_version: '4', policy_id: null, name: 'n' };
    expect(revision(threatDevice, moved)).toBe(revision(threatDevice, row));
    expect(revision(threatDevice, { ...row, file_status: 'Quarantined' })).not.toBe(revision(threatDevice, row));
    expect(revision(threatDevice, { ...row, date_found: '2026-05-05' })).not.toBe(revision(threatDevice, row));
  });
});

describe('devices', () => {
  const record = { id: OPTICS, state: 'OffLine', ip_addresses: ['b', 'a'], policy: { id: 'P', name: 'x' } };
  const named = (action: string, of: unknown) => device.changes.find((one) => one.action === action)?.of(of);

  test('one key for both forms of the id', () => expect(device.key(record)).toBe(device.key({ Id: PROTECT })));

  test('a contact is no change, another state is; spelling and order name none', () => {
    const later = { ...record, date_offline: '2026-05-05', date_last_modified: '2026-05-05', days_to_deletion: 3 };
    expect(revision(device, later)).toBe(revision(device, record));
    expect(revision(device, { ...record, state: 'Online' })).not.toBe(revision(device, record));
    const other = { ...record, state: 'Offline', ip_addresses: ['a', 'b'], policy: { id: 'p', name: 'renamed' } };
    for (const action of ['device-state-changed', 'device-addresses-changed', 'device-policy-changed'])
      expect(named(action, inOrder(other))).toEqual(named(action, inOrder(record)));
    const turned = { ...record, ip_addresses: record.ip_addresses.toReversed() };
    expect(revision(device, inOrder(turned))).toBe(revision(device, inOrder(record)));
  });

  test('only one that is online is asked for again without a sign', () => {
    expect(device.isOpen(record)).toBe(false);
    expect(device.isOpen({ ...record, state: 'Online' })).toBe(true);
  });
});
