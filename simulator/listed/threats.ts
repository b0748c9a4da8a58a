import type { Json } from '../artifacts.ts';
import { hex128, uuid } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { NEVER, writeTime } from '../times.ts';
import { addresses, protectId } from './devices.ts';
import type { ItemState, ListedResource, Part } from './resource.ts';

/** Files that Protect considers threats, and the devices on which they were found. */

const HOUR = 3_600_000;
const NAMES = [
  ...['mimikatz.exe', 'Rechnung März.pdf.exe', 'установщик.exe', '請求書.scr', ' padded.dll ', 'فاتورة.exe', 'a b.exe'],
  ...['no-extension', 'O"quoted".exe', '\u202egpj.exe', 'PowerTool.EXE'],
];
const CLASSES: readonly (readonly [string | null, string | null])[] = [
  ['Malware', 'Trojan'],
  ['Malware', 'Ransom'],
  ['PUP', 'Adware'],
  ['PUP', 'Hacking Tool'],
  ['Dual Use', 'Tool'],
  ['Trusted', 'Local'],
  ['', null],
  [null, null],
];

/** Members that are the same in every state of a threat; the rows of its devices repeat some. */
function fixedOf({ facts, draws }: ItemState): Json {
  const fixed = draws('item');
  const [classification, sub] = fixed.pick(CLASSES);
  const md5 = hex128(fixed.next);
  const score = fixed.pick([-1, -0.963, -0.5, -0.0123, 0, 0.25]);
  return {
    name: fixed.pick(NAMES),
    md5: fixed.chance(0.5) ? md5 : md5.toUpperCase(),
    classification,
    sub_classification: sub,
    cylance_score: facts.oddForms && fixed.chance(0.1) ? String(score) : score,
  };
}

/** A threat: every state finds it again, and puts it on another list. */
function item(state: ItemState): Json {
  const { facts, id, step, time, draws } = state;
  const more = draws('flags');
  const unsighted = more.chance(0.05) && step === 0;
  return {
    ...fixedOf(state),
    sha256: facts.oddForms && more.chance(0.2) ? id.toUpperCase() : id,
    av_industry: more.pick([null, null, 1, 0.5]),
    file_size: facts.oddForms && more.chance(0.1) ? String(more.below(9_000_000)) : more.below(9_000_000),
    unique_to_cylance: more.chance(0.3),
    last_found: unsighted ? NEVER : writeTime(time + step * HOUR, more.next(), false),
    global_quarantined: step % 2 === 1,
    safelisted: step === 2,
  };
}

const STATUSES = ['Default', 'Quarantined', 'Whitelisted', 'Suspicious', 'File Removed', 'Corrupt'];

function pathOf({ os }: DeviceFacts, nth: number, name: string, isLoud: boolean): string {
  if (os === 'Windows') {
    const path = `C:\\Users\\Public\\${nth}\\${name}`;
    return isLoud ? path.toUpperCase() : path;
  }
  return os === 'macOS' ? `/Users/Shared/${nth}/${name}` : `/var/tmp/${nth}/${name}`;
}

/** The rows of a threat, with up to two paths on one device. Every state adds a row and changes the status of the others. */
function rows(state: ItemState): Json[] {
  const { facts, index, step, time, draws } = state;
  const fixed = draws('rows');
  const first = fixed.below(facts.devices.length);
  const usual = fixed.pick([0, 1, 1, 2, 5, 9]);
  return Array.from({ length: usual + step }, (_, nth) => {
    const own = draws(`row ${nth}`);
    const device = facts.devices[(first + (nth >> 1) * 7) % facts.devices.length] as DeviceFacts;
    const name = NAMES[(index + nth) % NAMES.length] as string;
    const moves = own.chance(0.7) ? step : 0;
    return {
      id: protectId(device.opticsId),
      name: device.name,
      state: own.pick(['Offline', 'OffLine', 'Online']),
      agent_version: `3.2.${1000 + own.below(3)}`,
      policy_id: own.chance(0.2) ? null : uuid(own.next),
      date_found: writeTime(time - own.below(48) * HOUR, own.next(), false),
      file_status: STATUSES[(own.below(STATUSES.length) + moves) % STATUSES.length] as string,
      file_path: pathOf(device, nth, name, own.chance(0.1)),
      ...addresses(own),
    };
  });
}

/** The members of the threat that the stream adds to each row, without null ones. */
function threatOfRow(state: ItemState): Json {
  const told = Object.entries(fixedOf(state)).filter(([, value]) => value !== null);
  return { sha256: state.id, ...Object.fromEntries(told) };
}

export const threatDevices: Part = {
  name: 'threat-devices',
  path: '/threats/v2/{id}/devices',
  scope: 'threat:devicelist',
  stream: 'cylance.threat_device',
  items: rows,
  records: (state) => rows(state).map((row) => ({ ...(row as object), Threat: threatOfRow(state) })),
  idOfRecord: (record) => {
    const { id, file_path } = record as { id: string; file_path: string };
    return `${id}|${file_path}`;
  },
};

export const threats: ListedResource = {
  name: 'threats',
  stream: 'cylance.threat',
  usual: 80,
  path: '/threats/v2',
  scope: 'threat:list',
  states: 3,
  idOf: (_facts, _index, draws) => hex128(draws.next) + hex128(draws.next),
  item,
  parts: [threatDevices],
};
