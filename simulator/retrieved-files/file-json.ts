import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import { drawsFor, fraction, SALT } from '../hash.ts';
import { hex128 } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { SECRET_BASE, secretsFor } from '../secrets.ts';
import type { Settings } from '../settings.ts';
import { writeTime } from '../times.ts';

export const STATUSES = ['REQUEST', 'RETRY_REQUEST', 'PENDING', 'DOES_NOT_EXIST', 'AVAILABLE', 'UNAVAILABLE'] as const;
export type FileStatus = (typeof STATUSES)[number];

/** The members that identify a request for a file; they never change. */
export interface FileKey {
  device_id: string;
  filepath: string;
  created_at: string;
  correlation_id: string;
}

const WINDOWS_PATHS = [
  'C:\\Windows\\System32\\svchost.exe',
  'c:\\users\\public\\Загрузки\\отчёт.docm',
  'C:\\USERS\\Müller\\AppData\\Local\\Temp\\run.ps1',
  'd:\\Données\\a b.exe',
  '\\\\files\\share\\資料.xlsx',
];
const UNIX_PATHS = ['/usr/bin/curl', '/tmp/Payload.sh', '/Users/Shared/インストーラ.pkg', '/var/lib/app/data file.bin'];

/** Upper becomes lower case, and the other way round. */
function swapCase(text: string): string {
  return [...text]
    .map((letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()))
    .join('');
}

function timeOf({ startTime, endTime, retrievedFiles, seed }: Settings, index: number): number {
  const place = (index + fraction(seed, index, SALT.file)) / retrievedFiles;
  return Math.floor(startTime + place * (endTime - startTime));
}

/**
 * Whether this is the file before it in another case: on Windows a later request for the same file; elsewhere another file
 * that was requested together with it.
 */
function isTwin(index: number): boolean {
  return index % 10 === 7;
}

function deviceOf(facts: Facts, index: number): DeviceFacts {
  const { pick } = drawsFor(facts.seed, isTwin(index) ? index - 1 : index, SALT.file + 100);
  return pick(facts.devices);
}

export function keyOf(facts: Facts, settings: Settings, index: number): FileKey {
  const device = deviceOf(facts, index);
  const isWindows = device.os === 'Windows';
  const draws = drawsFor(facts.seed, index, SALT.file + 200);
  const own: FileKey = {
    device_id: device.opticsId,
    filepath: draws.pick(isWindows ? WINDOWS_PATHS : UNIX_PATHS),
    created_at: writeTime(timeOf(settings, index), draws.next(), false),
    correlation_id: hex128(draws.next).toUpperCase(),
  };
  if (!isTwin(index)) return own;
  const other = keyOf(facts, settings, index - 1);
  return { ...(isWindows ? own : other), filepath: swapCase(other.filepath) };
}

/** The id of a request in the truth and in confirmations. */
export function keyText({ device_id, filepath, created_at, correlation_id }: FileKey): string {
  return [device_id, filepath, created_at, correlation_id].join('|');
}

const DESCRIPTIONS: Record<FileStatus, (string | null)[]> = {
  REQUEST: ['', null],
  RETRY_REQUEST: ['No answer; may be requested again', ''],
  PENDING: ['', null],
  DOES_NOT_EXIST: ['Does Not Exist'],
  AVAILABLE: ['', null],
  UNAVAILABLE: ['Too Large', 'The device is offline: büro'],
};

/** Members that only an available file has. Each reply has a new link, which must not count as a change. */
function contents(facts: Facts, index: number, serving: number): Json {
  const draws = drawsFor(facts.seed, index, SALT.file + 400);
  const secrets = secretsFor(facts.seed, SECRET_BASE.file + index, facts.plantSecrets);
  const link = `${hex128(drawsFor(facts.seed, serving, SALT.file + 500).next)}&key=${secrets.word('none')}`;
  return {
    download_url: `https://downloads.example.test/retrieved/${index}?token=${link}`,
    password: secrets.word('infected'),
    md5: hex128(draws.next),
    sha1: hex128(draws.next) + hex128(draws.next).slice(0, 8),
    sha256: hex128(draws.next) + hex128(draws.next),
  };
}

export interface FileMoment {
  key: FileKey;
  index: number;
  status: FileStatus;
  serving: number;
}

export function fileJson(facts: Facts, { key, index, status, serving }: FileMoment): string {
  const draws = drawsFor(facts.seed, index, SALT.file + 600);
  const { user, hidden } = { user: draws.pick(facts.users), hidden: draws.chance(0.5) };
  const none = { download_url: null, password: null, md5: null, sha1: null, sha256: null };
  const record: Json = {
    tenant_id: facts.tenantId,
    user_id: hex128(draws.next),
    device_id: key.device_id,
    created_at: key.created_at,
    filepath: key.filepath,
    file_status: status,
    file_status_description: draws.pick(DESCRIPTIONS[status]),
    ...(status === 'AVAILABLE' ? contents(facts, index, serving) : hidden ? {} : none),
    correlation_id: key.correlation_id,
    user_login: `${user.name.replaceAll(' ', '.')}@example.test`,
    hostname: deviceOf(facts, index).name,
  };
  return JSON.stringify(index % 8 === 5 ? Object.fromEntries(Object.entries(record).reverse()) : record);
}
