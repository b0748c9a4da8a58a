/** Devices: CylancePROTECT's user API, "Get Devices" and "Get Device"; ids in the CylanceOPTICS API guide, "About Device ID". */
import { members, policy } from '../../members/cylance/device.ts';
import { exactDigestOf, meaningsIn, memberOf, type Stream } from '../../src/index.ts';
import { protectId } from './shared/ids.ts';
import { recordAt, textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/devices/v2';
export const DEVICE_LIST_SCOPE = 'device:list';
const READ_SCOPE = 'device:read';

const writtenId = idOf(members, 'id', 'device');
export const listDevices = listAt({ path: LIST, scope: DEVICE_LIST_SCOPE }, inOrder);

export const device: Stream = {
  name: 'cylance.device',
  about: {
    title: 'CylancePROTECT devices',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: [DEVICE_LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details, which are fetched again while the device is online',
    key: 'the id of the device, in lower case with dashes',
    limits: [
      'read whole at each look; the detail of one that is online is fetched again, daily at last',
      'the first run over thousands of devices takes its time: their details go behind detections in the rate limit',
    ],
  },
  mode: 'snapshot',
  /**
   * Members that change although the device does not: the times of the last change and of the last contact (other members
   * show both), the days that are left, and whether a scan is running.
   */
  ignored: ['date_last_modified', 'date_offline', 'days_to_deletion', 'background_detection'],
  secrets: [],
  key: deviceKey,
  // A device is no event. With a time, a device that was quiet for a month would not be refreshed any more.
  timeMs: () => undefined,
  /** Only the detail shows user, system and safety. That of an offline device does not change before the list says `Online`. */
  isOpen: (record) => stateOf(record) !== 'offline',
  changes: [
    { action: 'device-state-changed', of: stateOf },
    { action: 'device-safety-changed', of: (record) => textOf(String(memberOf(members, record, 'is_safe') ?? '')) },
    { action: 'device-policy-changed', of: policyOf },
    { action: 'device-agent-updated', of: (record) => textOf(memberOf(members, record, 'agent_version')) },
    { action: 'device-user-changed', of: (record) => textOf(memberOf(members, record, 'last_logged_in_user')) },
    { action: 'device-addresses-changed', of: addressesOf },
  ],
  actions: { updated: 'device-updated', deleted: 'device-deleted' },
  describesHosts: true,
  pages: snapshotOf(deviceKey, listDevices),
  detail: async (context, key) =>
    inOrder(await recordAt(context, key, { path: `${LIST}/{id}`, scope: READ_SCOPE, key: deviceKey })),
  tombstone: (key) => ({ id: key, Deleted: true }),
};

export function deviceKey(record: unknown): string {
  return protectId(writtenId(record));
}

const ADDRESSES = ['ip_addresses', 'mac_addresses'] as const;
const HOLDS_ADDRESSES: ReadonlySet<string | undefined> = new Set(ADDRESSES);

/** Sorts addresses, since the vendor promises no order and another order is no change. */
export function inOrder(record: unknown): unknown {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) return record;
  const sorted = ([name, value]: [string, unknown]): [string, unknown] => [
    name,
    HOLDS_ADDRESSES.has(meaningsIn(members)(name)?.name) && Array.isArray(value) ? value.toSorted(byText) : value,
  ];
  return Object.fromEntries(Object.entries(record).map(sorted));
}

function byText(one: unknown, other: unknown): number {
  const [left, right] = [one, other].map((address) => (typeof address === 'string' ? address : exactDigestOf(address)));
  return left === right ? 0 : (left ?? '') < (right ?? '') ? -1 : 1;
}

/** The vendor writes both `Offline` and `OffLine`. */
function stateOf(record: unknown): string | undefined {
  return textOf(memberOf(members, record, 'state'))?.toLowerCase();
}

/** The id of the policy, else the policy: list and detail may name the same policy differently. */
function policyOf(record: unknown): unknown {
  const given = memberOf(members, record, 'policy');
  return textOf(memberOf(policy, given, 'id'))?.toLowerCase() ?? given;
}

function addressesOf(record: unknown): string {
  const lists = ADDRESSES.map((name) => memberOf(members, record, name));
  return lists
    .map((list) => (Array.isArray(list) ? list.map(String).join(' ') : ''))
    .join(' ')
    .trim();
}
