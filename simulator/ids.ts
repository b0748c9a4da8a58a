import { mix, SALT, scramble, unscramble } from './hash.ts';

/**
 * Ids that look random and yet carry their serial: the first 32 bits of a detection's id are the serial, scrambled.
 * Looking an id up is arithmetic, so a million detections need no index.
 */

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Four hex digits from the low half of a draw. */
function hex16(value: number): string {
  return `${BYTES[(value >>> 8) & 255]}${BYTES[value & 255]}`;
}

function hex32(value: number): string {
  return hex16(value >>> 16) + hex16(value);
}

export function detectionId(seed: number, serial: number): string {
  const head = scramble((serial ^ mix(seed, 0, SALT.id)) >>> 0);
  const a = mix(seed, serial, SALT.idTail);
  const b = mix(seed, serial, SALT.idTail + 1);
  const c = mix(seed, serial, SALT.idTail + 2);
  const third = hex16(((a >>> 16) & 0x0fff) | 0x4000);
  const fourth = hex16(((b >>> 16) & 0x3fff) | 0x8000);
  return `${hex32(head)}-${hex16(a)}-${third}-${fourth}-${hex32(c)}${hex16(b)}`;
}

/** The serial of an id; undefined for an id of another seed. */
export function serialOf(seed: number, id: string): number | undefined {
  const head = Number.parseInt(id.slice(0, 8), 16);
  if (Number.isNaN(head)) return undefined;
  const serial = (unscramble(head) ^ mix(seed, 0, SALT.id)) >>> 0;
  return detectionId(seed, serial) === id.toLowerCase() ? serial : undefined;
}

/** 128 bits in hex from four draws. */
export function hex128(next: () => number): string {
  return hex32(next()) + hex32(next()) + hex32(next()) + hex32(next());
}

export function uuid(next: () => number): string {
  const h = hex128(next);
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-9${h.slice(17, 20)}-${h.slice(20)}`;
}

export const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** An artifact's Uid as the product writes it: 16 bytes in base64. Only its form matters, so letters are drawn. */
export function artifactUid(next: () => number): string {
  let text = '';
  for (let words = 0; words < 4; words++) {
    let bits = next();
    for (let letter = 0; letter < 5; letter++) {
      text += BASE64[bits & 63];
      bits >>>= 6;
    }
  }
  return `${text}x${'AQgw'[next() & 3]}==`;
}

// Sorted, and no word is the beginning of another, so that the numbers below have the order of the texts.
const FIRST = [
  ...['Amber', 'Brisk', 'Cobalt', 'Dusty', 'Elder', 'Frosty', 'Golden', 'Hollow', 'Ivory', 'Jagged', 'Kindly'],
  ...['Lunar', 'Mellow', 'Nimble', 'Opal', 'Proud', 'Quiet', 'Rustic', 'Silver', 'Tawny', 'Umber', 'Velvet', 'Windy'],
  ...['Xenial', 'Young', 'Zesty'],
];
const SECOND = [
  ...['Acorn', 'Badger', 'Comet', 'Dolphin', 'Ember', 'Falcon', 'Glacier', 'Harbor', 'Island', 'Juniper', 'Kestrel'],
  ...['Lantern', 'Meadow', 'Nebula', 'Otter', 'Pebble', 'Quarry', 'Raven', 'Summit', 'Thicket', 'Urchin', 'Valley'],
  ...['Walrus', 'Xerus', 'Yarrow', 'Zephyr'],
];
export const PHONETIC_RANGE = FIRST.length * SECOND.length * 10_000;

/** A number below PHONETIC_RANGE whose order is the order of the phonetic ids. */
export function phoneticRank(seed: number, serial: number): number {
  return mix(seed, serial, SALT.phonetic) % PHONETIC_RANGE;
}

export function phoneticId(seed: number, serial: number): string {
  const rank = phoneticRank(seed, serial);
  const digits = String(rank % 10_000).padStart(4, '0');
  const word = Math.floor(rank / 10_000);
  return `${FIRST[Math.floor(word / SECOND.length)]}-${SECOND[word % SECOND.length]}-${digits}`;
}
