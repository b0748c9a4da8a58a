import { drawsFor, SALT } from './hash.ts';
import { hex128 } from './ids.ts';

/** The tenant's inventory: small tables made once from the seed. */
export interface DeviceFacts {
  name: string;
  /** The id in upper case without dashes, the form of the detection API. */
  opticsId: string;
  os: 'Windows' | 'macOS' | 'Linux';
  zones: string[];
  nameJson: string;
}

export interface UserFacts {
  name: string;
  domain: string;
  sid: string;
}

export const DEVICE_COUNT = 300;
export const USER_COUNT = 100;

const ODD_DEVICES = [
  ...['бухгалтерия-пк-07', '営業部-ノート12', 'büro-rechner-4', 'ordinateur-d’accueil', 'محاسبة-03', '财务-台式机-21'],
  ...['zażółć-gęślą', 'kiosk 🖥 lobby', 'front desk, 2nd floor', 'LAB:BENCH-9', ' PADDED-HOST ', 'o"quoted"-host'],
  ...['back\\slash-host', 'ΑΘΗΝΑ-ΕΡΓΟ-2', 'ห้องประชุม-1', 'משרד-5'],
];
const ODD_USERS = [
  'администратор',
  '管理者',
  'müller-konto',
  'usuario.señal',
  'απόθεμα',
  'svc backup',
  "o'service",
  'المشرف',
];
const DOMAINS = ['CORP', 'CORP', 'CORP', 'EMEA', 'corp.example', 'WORKGROUP', 'NT AUTHORITY'];

function plainDeviceName(index: number, os: DeviceFacts['os'], suffix: string): string {
  if (os === 'Linux') return `srv-${['web', 'db', 'build', 'mail'][index % 4]}-${index}.corp.example`;
  if (os === 'macOS') return `MacBook-Pro-${suffix}`;
  return `${['DESKTOP', 'LAPTOP', 'WIN10', 'VDI'][index % 4]}-${suffix.toUpperCase()}`;
}

export function makeDevices(seed: number): DeviceFacts[] {
  return Array.from({ length: DEVICE_COUNT }, (_, index) => {
    const draws = drawsFor(seed, index, SALT.deviceTable);
    const os = draws.chance(0.78) ? 'Windows' : draws.chance(0.5) ? 'macOS' : 'Linux';
    const id = hex128(draws.next).toUpperCase();
    const odd = index % 18 === 5 ? ODD_DEVICES[Math.floor(index / 18)] : undefined;
    const name = odd ?? plainDeviceName(index, os, id.slice(0, 6).toLowerCase());
    const zones = Array.from({ length: draws.below(4) }, () => hex128(draws.next).toUpperCase());
    return { name, opticsId: id, os, zones, nameJson: JSON.stringify(name) };
  });
}

export function makeUsers(seed: number): UserFacts[] {
  return Array.from({ length: USER_COUNT }, (_, index) => {
    const draws = drawsFor(seed, index, SALT.userTable);
    const domain = draws.pick(DOMAINS);
    const plain = domain === 'NT AUTHORITY' ? draws.pick(['SYSTEM', 'LOCAL SERVICE']) : `user${100 + index}`;
    const name = (index % 11 === 3 ? ODD_USERS[Math.floor(index / 11) % ODD_USERS.length] : undefined) ?? plain;
    const sid = domain === 'NT AUTHORITY' ? 'S-1-5-18' : `S-1-5-21-${draws.next()}-${draws.next()}-${1000 + index}`;
    return { name, domain, sid };
  });
}
