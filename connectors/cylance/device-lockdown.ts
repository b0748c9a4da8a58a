/** The lockdown history of each device: CylanceOPTICS API guide, "Get Device Lockdown History". A GET never locks. */

import { Device, members } from '../../members/cylance/device-lockdown.ts';
import {
  actionOf,
  type Child,
  listedParents,
  memberOf,
  type Parents,
  parseTimeMs,
  pathTo,
  SluiceError,
  type Stream,
  type StreamContext,
  walkChildren,
} from '../../src/index.ts';
import { DEVICE_LIST_SCOPE, deviceKey, listDevices } from './device.ts';
import { opticsId, protectId } from './shared/ids.ts';
import { member, textOf } from './shared/pages.ts';

const ROUTE = '/devicecommands/v2/{deviceId}/lockdown';
const SCOPE = 'opticscommand:read';

export const deviceLockdown: Stream = {
  name: 'cylance.device_lockdown',
  about: {
    title: 'CylanceOPTICS device lockdowns',
    endpoints: ['GET /devices/v2', `GET ${ROUTE}`],
    scopes: [DEVICE_LIST_SCOPE, SCOPE],
    reading: 'per device, again and again: the list of devices shows no sign of a lockdown',
    key: 'the id of the device, and time, command and user of the entry',
    limits: [
      'lockdowns have no list: one request per device, again every `reading.child_repeat`; a device without CylanceOPTICS has none',
    ],
  },
  mode: 'children',
  // Added by Sluice, and not part of the entry: a device may be renamed.
  ignored: ['Device'],
  secrets: [],
  key(record) {
    const device = textOf(memberOf(Device, memberOf(members, record, 'Device'), 'id'));
    const time = textOf(memberOf(members, record, 'timestamp'));
    if (device === undefined || time === undefined) throw new Error('the lockdown has no device or no time');
    // Two users may send the same command within one second: without the user, the entries would count as changes of each other.
    const [command = '', user = ''] = (['command', 'user_id'] as const).map((name) =>
      textOf(memberOf(members, record, name)),
    );
    return [protectId(device), time, command, user].join('|');
  },
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'timestamp')),
  isOpen: () => false,
  changes: [],
  actions: { updated: 'device-lockdown-updated' },
  pages: (context, walk) => walkChildren(context, walk, { name: 'device', parents, read, repeats: true }),
};

function parents(context: StreamContext): Promise<Parents> {
  const toChild = (key: string): Child => ({ key, version: '', complete: true, expectsRecords: false, facts: {} });
  return listedParents(context, { lists: [listDevices(context)], key: deviceKey }, toChild);
}

async function* read(context: StreamContext, child: Child): AsyncGenerator<unknown[], boolean> {
  const id = opticsId(child.key);
  const path = pathTo(ROUTE, id);
  const { priority, signal } = context;
  try {
    const accept = (reply: unknown) => toRecords(reply, id, `GET ${path}`);
    const records = await context.client.json({
      ...{ path, route: ROUTE, scope: SCOPE },
      ...{ priority, signal, retry: 'brief', accept },
    });
    if (records.length > 0) yield records;
  } catch (error) {
    // "No such device" means that the device has no CylanceOPTICS, unless it had entries before.
    if (actionOf(error) !== 'skip' || (context.knownChild(child.key)?.records ?? 0) > 0) throw error;
  }
  return true;
}

/**
 * The entries, each with its device. Other members of the reply describe the present, not the entry, and are left out, as
 * is the password that ends a lockdown. The vendor also answers for an id in an unknown form, so the reply must name the
 * device.
 */
export function toRecords(reply: unknown, id: string, place: string): unknown[] {
  const said = textOf(memberOf(Device, reply, 'id'));
  if (said === undefined || opticsId(said) !== id) {
    throw new SluiceError(`${place}: the reply is of another device, ${said}`, { action: 'retry' });
  }
  const history = member(reply, 'lockdown_history');
  if (history === null) return [];
  if (!Array.isArray(history)) {
    throw new SluiceError(`${place}: the reply has no lockdown_history array`, { action: 'retry' });
  }
  const [hostname, tenant] = (['hostname', 'tenant_id'] as const).map((name) => memberOf(Device, reply, name));
  const device = { id: said, hostname, tenant_id: tenant };
  return history.map((entry: unknown) => ({ ...(isObject(entry) ? entry : { entry }), Device: device }));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
