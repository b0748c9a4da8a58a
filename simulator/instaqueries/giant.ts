import { type Draws, drawsFor, SALT } from '../hash.ts';
import { artifactUid, BASE64, hex128 } from '../ids.ts';

/**
 * The results of the giant query: records of one fixed size, made by setting a few digits in templates, so that a reply
 * of many gigabytes costs little more than its transfer, and its length is known beforehand.
 */
export interface Giant {
  count: number;
  recordBytes: number;
  head: Buffer;
  tail: Buffer;
  /** The length of the whole reply in bytes. */
  length: number;
  /** A buffer for so many records, with all constant bytes set. It is filled from multiples of CYCLE. */
  blank(records: number): Buffer;
  /** Makes the records from number `from` on, as many as fit and are left. Returns the number of bytes. */
  fill(buffer: Buffer, from: number): number;
  /** One record, as text, and the id that the truth gives it. */
  record(number: number): { key: string; json: string };
}

/** The number of templates, which are used in turn. */
export const CYCLE = 8;
const RECORD_BYTES = 1024;
const COMMA = 44;
const BLANK = 32;
const ZERO = 48;
const DIGITS = Buffer.from(BASE64);

/** Marks for the digits to set in the bytes of a template. No other text of a template holds a tilde. */
const MARK = { uid: '~u~~~~', number: '~n~~~~~~', device: '~d~~', second: '~s', milli: '~m~' } as const;
const DEVICES = 5000;
const EPOCH = '1772300000.23335';
const FOLDERS = ['windows\\system32', 'Program Files\\Общие файлы', 'users\\public\\ダウンロード', 'ProgramData\\a b'];

interface Template {
  bytes: Buffer;
  uid: number[];
  number: number[];
  device: number[];
  second: number[];
  milli: number[];
  epoch: number[];
}

function placesOf(bytes: Buffer, mark: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}

function templateText(draws: Draws, queryId: string, turn: number, asText: boolean, filling: string): string {
  const folder = FOLDERS[turn % FOLDERS.length];
  const uid = MARK.uid + artifactUid(draws.next).slice(MARK.uid.length);
  const signed = {
    SignatureStatus: 'Valid',
    Subject: 'CN=Example Software, O="Example, Inc.", C=US',
    Issuer: `CN=Example CA${filling}`,
    Thumbprint: hex128(draws.next),
  };
  const Result = {
    FirstObservedTime: turn === 3 ? '1970-01-01T00:00:00.000Z' : '2026-02-01T08:15:00.000Z',
    LastObservedTime: `2026-02-28T17:33:${MARK.second}.${MARK.milli}Z`,
    Type: 'File',
    Uid: uid,
    Properties: {
      OwnerUid: artifactUid(draws.next),
      SuspectedFileType: 'Executable/PE',
      Size: turn === 5 ? String(draws.below(1e7)) : draws.below(1e7),
      Owner: 'BUILTIN\\Administrators',
      Path: `c:\\${folder}\\Файл-${MARK.number}.exe`,
      Sha256: MARK.number + (hex128(draws.next) + hex128(draws.next)).slice(8).toUpperCase(),
      CreationDateTime: '2009-07-13T23:31:13.886Z',
      Md5: MARK.number + hex128(draws.next).slice(8).toUpperCase(),
      FileSignature: JSON.stringify(signed),
    },
  };
  return JSON.stringify({
    '@timestamp': Number(EPOCH),
    HostName: turn === 6 ? ` GIANT-${MARK.device} ` : `GIANT-${MARK.device}`,
    DeviceId: hex128(draws.next).slice(4).toUpperCase() + MARK.device,
    '@version': turn === 2 ? '1' : 1,
    CorrelationId: queryId,
    Result: asText ? JSON.stringify(Result) : Result,
  });
}

function template(seed: number, queryId: string, turn: number, asText: boolean): Template {
  const write = (filling: string) =>
    templateText(drawsFor(seed, turn, SALT.result + 100), queryId, turn, asText, filling);
  const missing = RECORD_BYTES - 1 - Buffer.byteLength(write(''));
  if (missing < 0) throw new Error(`simulator: a giant result is ${-missing} bytes too long`);
  const bytes = Buffer.from(`${write('x'.repeat(missing))},`);
  const epoch = placesOf(bytes, EPOCH).map((at) => at + 5);
  const [uid, number, device, second, milli] = [MARK.uid, MARK.number, MARK.device, MARK.second, MARK.milli].map(
    (mark) => placesOf(bytes, mark),
  ) as [number[], number[], number[], number[], number[]];
  return { bytes, epoch, uid, number, device, second, milli };
}

function putDigits(buffer: Buffer, base: number, places: number[], width: number, value: number): void {
  for (const place of places) {
    let left = value;
    for (let at = base + place + width - 1; at >= base + place; at--) {
      const tenth = Math.trunc(left / 10);
      buffer[at] = ZERO + left - tenth * 10;
      left = tenth;
    }
  }
}

function putUid(buffer: Buffer, at: number, value: number): void {
  let left = value;
  for (let digit = 0; digit < MARK.uid.length; digit++) {
    buffer[at + digit] = DIGITS[left & 63] as number;
    left >>>= 6;
  }
}

export function createGiant(seed: number, queryId: string, count: number, form: 'object' | 'string'): Giant {
  const templates = Array.from({ length: CYCLE }, (_, turn) => template(seed, queryId, turn, form === 'string'));
  const head = Buffer.from(`{"id":"${queryId}","result":[`);
  const tail = Buffer.from(`],"status":"done"}`);

  const put = (buffer: Buffer, base: number, number: number): void => {
    const { uid, number: numbers, device, second, milli, epoch } = templates[number % CYCLE] as Template;
    putUid(buffer, base + (uid[0] as number), number);
    putDigits(buffer, base, numbers, MARK.number.length, number);
    putDigits(buffer, base, device, MARK.device.length, number % DEVICES);
    putDigits(buffer, base, second, MARK.second.length, Math.trunc(number / 1000) % 60);
    putDigits(buffer, base, milli, MARK.milli.length, number % 1000);
    putDigits(buffer, base, epoch, 5, number % 100_000);
    if (number === count - 1) buffer[base + RECORD_BYTES - 1] = BLANK;
  };

  const blank = (records: number): Buffer => {
    const buffer = Buffer.allocUnsafeSlow(records * RECORD_BYTES);
    for (let place = 0; place < records; place++) templates[place % CYCLE]?.bytes.copy(buffer, place * RECORD_BYTES);
    return buffer;
  };

  const one = blank(CYCLE);
  return {
    count,
    recordBytes: RECORD_BYTES,
    head,
    tail,
    length: head.length + count * RECORD_BYTES + tail.length,
    blank,
    fill: (buffer, from) => {
      const records = Math.min(count - from, buffer.length / RECORD_BYTES);
      for (let place = 0; place < records; place++) put(buffer, place * RECORD_BYTES, from + place);
      return records * RECORD_BYTES;
    },
    record: (number) => {
      const base = (number % CYCLE) * RECORD_BYTES;
      put(one, base, number);
      one[base + RECORD_BYTES - 1] = COMMA;
      const json = one.toString('utf8', base, base + RECORD_BYTES - 1);
      const { uid, device } = templates[number % CYCLE] as Template;
      const text = (from: number, length: number) => one.toString('latin1', base + from, base + from + length);
      const DeviceId = text((device[1] as number) + MARK.device.length - 32, 32);
      const Uid = text(uid[0] as number, 24);
      return { key: `${queryId}|${DeviceId}|${Uid}`, json };
    },
  };
}
