import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { Draws } from '../hash.ts';
import { hex128, uuid } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { NEVER, writeTime } from '../times.ts';
import type { ItemState, ListedResource, Part } from './resource.ts';

/** The devices of Protect, with their pages of Optics: the same machines that detections and queries name. */

const DAY = 86_400_000;
const SYSTEMS: Record<DeviceFacts['os'], string[]> = {
  Windows: ['Microsoft Windows 10 Enterprise', 'Microsoft Windows Server 2019 Standard', 'Microsoft Windows 11 Pro'],
  macOS: ['Mac OS X 10.15.7', 'macOS Sonoma 14.5'],
  Linux: ['Ubuntu 22.04.4 LTS', 'Red Hat Enterprise Linux 8.9', 'Amazon Linux 2'],
};

/** The devices that other resources name come first, then further ones. */
function deviceOf(facts: Facts, index: number, draws: Draws): DeviceFacts {
  const known = facts.devices[index % facts.devices.length] as DeviceFacts;
  if (index < facts.devices.length) return known;
  return { ...known, name: `${known.name}-${index}`, opticsId: hex128(draws.next).toUpperCase() };
}

/** Protect writes ids in lower case with dashes, Optics in upper case without. */
export function protectId(opticsId: string): string {
  return opticsId.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function addresses(draws: Draws): { ip_addresses: string[]; mac_addresses: string[] } {
  const ip = `10.${draws.below(200)}.${draws.below(250)}.${1 + draws.below(250)}`;
  const odd = draws.pick([[], ['fe80::1c2d:3e4f%12'], ['169.254.7.1', '2001:db8::42'], ['10.1.2.3.4'], ['']]);
  const bytes = hex128(draws.next).slice(0, 12).match(/../g) ?? [];
  const mac = bytes.join(draws.pick(['-', ':']));
  return {
    ip_addresses: [ip, ...odd],
    mac_addresses: [draws.chance(0.5) ? mac.toUpperCase() : mac, ...(draws.chance(0.2) ? ['00-00-00-00-00-00'] : [])],
  };
}

/** A device, which goes offline and comes back with another agent. */
function item({ facts, index, step, id, time, draws }: ItemState): Json {
  const fixed = draws('item');
  const device = deviceOf(facts, index, draws('id'));
  const isOffline = (step + fixed.below(3)) % 2 === 1;
  return {
    id,
    name: device.name,
    state: isOffline ? fixed.pick(['Offline', 'OffLine']) : 'Online',
    agent_version: `3.${fixed.below(3)}.100${step}`,
    policy: fixed.chance(0.1)
      ? null
      : { id: uuid(fixed.next), name: fixed.pick(['Default', 'Servers', 'Büro', 'quarantine all']) },
    date_first_registered: writeTime(time, fixed.next(), false),
    ...addresses(fixed),
  };
}

function whole(state: ItemState): Json {
  const { facts, index, step, time, draws } = state;
  const more = draws('whole');
  const device = deviceOf(facts, index, draws('id'));
  const user = more.pick(facts.users);
  return {
    ...item(state),
    host_name: more.chance(0.7) ? device.name : `${device.name.trim().toLowerCase()}.corp.example`,
    os_version: more.pick(SYSTEMS[device.os]),
    os_kernel_version: more.chance(0.5) ? '10.0.19045' : null,
    last_logged_in_user: more.chance(0.1) ? '' : `${user.domain}\\${user.name}`,
    update_type: null,
    update_available: more.chance(0.3),
    background_detection: more.chance(0.5),
    is_safe: more.chance(0.8),
    distinguished_name: more.chance(0.3) ? `CN=${device.name.trim()},OU=Büro,DC=corp,DC=example` : '',
    dlcm_status: more.pick(['Unknown', 'Up to date', null]),
    date_offline: more.chance(0.5) ? null : more.pick([NEVER, writeTime(time + DAY, more.next(), false)]),
    date_last_modified: writeTime(time + (step + 1) * 3_600_000, more.next(), false),
  };
}

const COMMANDS = ['Lockdown', 'ClearLockdown', 'LockdownExtended'];

/** Some devices were locked down, now and then twice in one second; one more entry with every state. */
function history({ facts, index, step, time, draws, secrets }: ItemState): Json[] {
  const fixed = draws('lockdown');
  const entries = fixed.chance(0.4) ? 1 + fixed.below(4) : 0;
  return Array.from({ length: entries === 0 && step === 0 ? 0 : entries + step }, (_, nth) => ({
    user_id: hex128(draws(`lockdown user ${nth % 2}`).next).toUpperCase(),
    timestamp: writeTime(Math.floor((time + (nth - (nth % 2)) * 7_200_000) / 1000) * 1000, fixed.below(20), false),
    command: COMMANDS[(nth + index + facts.seed) % COMMANDS.length],
    ...secrets(`entry ${nth}`).members(),
  }));
}

/** The members of the device that the stream adds to each entry. */
function deviceOfEntry({ facts, index, draws }: ItemState): Json {
  const device = deviceOf(facts, index, draws('id'));
  return { id: device.opticsId, hostname: device.name, tenant_id: facts.tenantId };
}

const lockdown: Part = {
  name: 'lockdown',
  path: '/devicecommands/v2/{id}/lockdown',
  scope: 'opticscommand:read',
  stream: 'cylance.device_lockdown',
  idOf: ({ facts, index, draws }) => deviceOf(facts, index, draws('id')).opticsId,
  elsewhere: (id) => (id.includes('-') ? { id, hostname: '', lockdown_history: [] } : undefined),
  reply(state) {
    const entries = history(state);
    const isLocked = entries.length % 2 === 1;
    return {
      ...deviceOfEntry(state),
      connection_status: state.step % 2 === 0 ? 'connected' : 'disconnected',
      optics_device_version: '3.2.1140',
      password: state.secrets('lockdown').word('unlock-me'),
      lockdown_expiration: isLocked ? writeTime(state.time + DAY, 0, true) : null,
      lockdown_initiated: isLocked ? writeTime(state.time, 0, true) : null,
      lockdown_history: entries,
    };
  },
  records: (state) => history(state).map((entry) => ({ ...entry, Device: deviceOfEntry(state) })),
};

export const devices: ListedResource = {
  name: 'devices',
  stream: 'cylance.device',
  usual: 120,
  path: '/devices/v2',
  scope: 'device:list',
  detailScope: 'device:read',
  states: 3,
  idOf: (facts, index, draws) => protectId(deviceOf(facts, index, draws).opticsId),
  item,
  whole,
  parts: [lockdown],
};
