/** What an artifact is in ECS: a process, a file, a registry value, a connection or a user at its place in the document. */

import {
  type Fields,
  filled,
  hashOf,
  integer,
  integerWithin,
  isRecord,
  keyword,
  misfit,
  parsed,
  put,
  type Related,
  reader,
  text,
  type Unfit,
} from '../../ecs.ts';
import type { Draft } from '../../ecs-frame.ts';
import { account, directoryOf, extensionOf, fileNameOf } from '../../ecs-names.ts';
import { putCommand } from '../../ecs-process.ts';
import { date } from '../../ecs-time.ts';
import { type Artifact, follow, type Roles, rolesOf } from './artifacts.ts';
import { connectionAt } from './connections.ts';
import type { Facts } from './facts.ts';

/** Names below a place, joined once: they are only needed when a value does not fit. */
export interface Place {
  name: string;
  pid: string;
  commandLine: string;
  executable: string;
  start: string;
  end: string;
  exitCode: string;
  md5: string;
  sha1: string;
  sha256: string;
  signed: string;
  pe: string;
  path: string;
  size: string;
  created: string;
  mtime: string;
  userName: string;
  userDomain: string;
  userId: string;
}

export function placeAt(prefix: string, userPrefix = `${prefix}.user`): Place {
  return {
    name: `${prefix}.name`,
    pid: `${prefix}.pid`,
    commandLine: `${prefix}.command_line`,
    executable: `${prefix}.executable`,
    start: `${prefix}.start`,
    end: `${prefix}.end`,
    exitCode: `${prefix}.exit_code`,
    md5: `${prefix}.hash.md5`,
    sha1: `${prefix}.hash.sha1`,
    sha256: `${prefix}.hash.sha256`,
    signed: `${prefix}.code_signature`,
    pe: `${prefix}.pe`,
    path: `${prefix}.path`,
    size: `${prefix}.size`,
    created: `${prefix}.created`,
    mtime: `${prefix}.mtime`,
    userName: `${userPrefix}.name`,
    userDomain: `${userPrefix}.domain`,
    userId: `${userPrefix}.id`,
  };
}

const NO_FACTS: Facts = {};

/** The hashes of a file, or of a process and its image. */
function hashesOf(unfit: Unfit, at: Place, file: Facts, process: Facts): Fields | undefined {
  if (!hasHash(file) && !hasHash(process)) return undefined;
  const result: Fields = {};
  put(result, 'md5', hashOf(unfit, at.md5, 'md5', file.Md5 ?? process.PrimaryImageMd5 ?? process.Md5));
  put(result, 'sha1', hashOf(unfit, at.sha1, 'sha1', file.Sha1 ?? process.PrimaryImageSha1 ?? process.Sha1));
  const sha256 = file.Sha256 ?? process.PrimaryImageSha256 ?? process.Sha256;
  put(result, 'sha256', hashOf(unfit, at.sha256, 'sha256', sha256));
  return filled(result);
}

const signatureOf = reader({
  SignatureStatus: ['Status'],
  Subject: ['SubjectName', 'Signer', 'SignerName', 'Publisher'],
  Timestamp: ['SigningTime', 'SignatureTimestamp'],
  Thumbprint: [],
  IsSigned: [],
});
const UNSIGNED: ReadonlySet<string> = new Set(['unsigned', 'notsigned', 'nosignature', 'none', 'signaturemissing']);
const VALID: ReadonlySet<string> = new Set(['valid', 'verified', 'trusted', 'ok', 'good']);
const INVALID: ReadonlySet<string> = new Set([
  'invalid',
  'badsignature',
  'hashmismatch',
  'expired',
  'revoked',
  'nottrusted',
  'untrusted',
  'tampered',
]);

/**
 * `FileSignatureJson` is JSON in a string. Only what the status says for certain becomes a truth value: of
 * `IssuerSignatureMissing` nobody knows whether the file's own signature would hold.
 */
function signature(unfit: Unfit, at: Place, file: Facts): Fields | undefined {
  const given = file.FileSignatureJson;
  if (given === undefined) return undefined;
  const content = parsed(given);
  if (content === undefined) {
    const status = keyword(unfit, at.signed, given);
    return status === undefined || status.startsWith('{') ? misfit(unfit, at.signed, status) : { status };
  }
  const said = signatureOf(content);
  const status = keyword(unfit, at.signed, said.SignatureStatus);
  const result: Fields = {};
  put(result, 'status', status);
  put(result, 'subject_name', keyword(unfit, at.signed, said.Subject));
  put(result, 'timestamp', date(unfit, at.signed, said.Timestamp));
  const thumbprint = keyword(unfit, at.signed, said.Thumbprint);
  if (thumbprint !== undefined && thumbprint.length === 64) put(result, 'thumbprint_sha256', thumbprint.toLowerCase());
  if (status !== undefined) {
    const folded = status.toLowerCase();
    result.exists = !UNSIGNED.has(folded);
    if (VALID.has(folded)) result.valid = true;
    else if (INVALID.has(folded)) result.valid = false;
  } else if (typeof said.IsSigned === 'boolean') result.exists = said.IsSigned;
  return filled(result);
}

function portableExecutable(unfit: Unfit, at: Place, file: Facts): Fields | undefined {
  const result: Fields = {};
  if (file.OriginalFileName !== undefined)
    put(result, 'original_file_name', keyword(unfit, at.pe, file.OriginalFileName));
  if (file.ProductName !== undefined) put(result, 'product', keyword(unfit, at.pe, file.ProductName));
  if (file.CompanyName !== undefined) put(result, 'company', keyword(unfit, at.pe, file.CompanyName));
  if (file.FileDescription !== undefined) put(result, 'description', keyword(unfit, at.pe, file.FileDescription));
  if (file.FileVersion !== undefined) put(result, 'file_version', keyword(unfit, at.pe, file.FileVersion));
  if (file.Architecture !== undefined) put(result, 'architecture', keyword(unfit, at.pe, file.Architecture));
  if (file.ImpHash !== undefined) put(result, 'imphash', hashOf(unfit, at.pe, 'md5', file.ImpHash));
  return filled(result);
}

/** The image file of a process; a process may carry the facts of its image itself. */
export function imageOf(roles: Roles, process: Facts): Artifact | undefined {
  return follow(roles, 'file', process.PrimaryImage, process.PrimaryImageUid);
}

/** `image` is the one named by `ArtifactsOfInterest`, for a process that does not point at its own. */
export function processAt(unfit: Unfit, at: Place, roles: Roles, artifact: Artifact, image?: Artifact): Fields {
  const { facts } = artifact;
  const file = (imageOf(roles, facts) ?? image)?.facts ?? NO_FACTS;
  const executable = keyword(unfit, at.executable, file.Path ?? facts.PrimaryImagePath ?? facts.Path);
  const result: Fields = {};
  put(result, 'entity_id', artifact.uid);
  put(
    result,
    'name',
    keyword(unfit, at.name, facts.Name) ?? (executable === undefined ? undefined : fileNameOf(executable)),
  );
  put(result, 'pid', integerWithin(unfit, at.pid, facts.ProcessId, 0, 4_294_967_295));
  putCommand(result, unfit, at.commandLine, facts.CommandLine);
  put(result, 'executable', executable);
  put(result, 'start', date(unfit, at.start, facts.StartDateTime));
  put(result, 'end', date(unfit, at.end, facts.EndDateTime));
  put(result, 'exit_code', integer(unfit, at.exitCode, facts.ExitCode));
  put(result, 'hash', hashesOf(unfit, at, file, facts));
  put(result, 'code_signature', signature(unfit, at, file.FileSignatureJson === undefined ? facts : file));
  put(result, 'pe', portableExecutable(unfit, at, file));
  return result;
}

/** The process that started another one. */
export function parentOf(roles: Roles, process: Facts): Artifact | undefined {
  return follow(roles, 'process', process.Parent, process.ParentUid);
}

/** The process that started the one of `facts`, or what those say of it. */
export function parentAt(unfit: Unfit, at: Place, roles: Roles, facts: Facts): Fields | undefined {
  const parent = parentOf(roles, facts);
  const result = parent === undefined ? {} : processAt(unfit, at, roles, parent);
  if (parent !== undefined) putOwner(result, userAt(unfit, at, roles, parent.facts.Owner, parent.facts.OwnerUid));
  const uid = parent?.uid ?? text(facts.ParentUid);
  put(result, 'entity_id', uid);
  if (result.pid === undefined)
    put(result, 'pid', integerWithin(unfit, at.pid, facts.ParentProcessId, 0, 4_294_967_295));
  return filled(result);
}

export interface User {
  name?: string;
  domain?: string;
  id?: string;
}

/** `process.user`, which has no domain in the dictionary. */
export function putOwner(process: Fields, user: User | undefined): void {
  const owner: Fields = {};
  put(owner, 'id', user?.id);
  put(owner, 'name', user?.name);
  put(process, 'user', filled(owner));
}

/** A user artifact, a reference to one, or `DOMAIN\user` as text. */
export function userAt(
  unfit: Unfit,
  at: Place,
  roles: Roles,
  reference: unknown,
  uidBeside: unknown,
  role?: Artifact,
): User | undefined {
  const artifact =
    (isRecord(reference) || uidBeside !== undefined ? follow(roles, 'user', reference, uidBeside) : undefined) ?? role;
  if (artifact === undefined || artifact.facts.Name === undefined) {
    const written = typeof reference === 'string' ? text(reference) : undefined;
    if (written === undefined) return artifact === undefined ? undefined : userOf(unfit, at, artifact.facts);
    const known = roles.byUid.get(written);
    return known === undefined ? account(written) : userOf(unfit, at, known.facts);
  }
  return userOf(unfit, at, artifact.facts);
}

export function userOf(unfit: Unfit, at: Place, facts: Facts): User | undefined {
  const name = keyword(unfit, at.userName, facts.Name);
  const user: User = name === undefined ? {} : account(name);
  const domain = keyword(unfit, at.userDomain, facts.Domain);
  if (domain !== undefined) user.domain = domain;
  const id = keyword(unfit, at.userId, facts.Sid);
  if (id !== undefined) user.id = id;
  return user.name === undefined && user.domain === undefined && user.id === undefined ? undefined : user;
}

/** A file, or a loaded module (which has no size or times in ECS). */
export function fileAt(unfit: Unfit, at: Place, roles: Roles, artifact: Artifact, module: boolean): Fields {
  const { facts } = artifact;
  const path = keyword(unfit, at.path, facts.Path);
  const name = keyword(unfit, at.name, facts.Name) ?? (path === undefined ? undefined : fileNameOf(path));
  const result: Fields = {};
  put(result, 'path', path);
  put(result, 'name', name);
  put(result, 'hash', hashesOf(unfit, at, facts, NO_FACTS));
  put(result, 'code_signature', signature(unfit, at, facts));
  put(result, 'pe', portableExecutable(unfit, at, facts));
  if (module) return result;
  if (path !== undefined) put(result, 'directory', directoryOf(path));
  if (name !== undefined) put(result, 'extension', extensionOf(name));
  put(result, 'size', integerWithin(unfit, at.size, facts.Size, 0, Number.MAX_SAFE_INTEGER));
  put(result, 'created', date(unfit, at.created, facts.CreationDateTime));
  put(result, 'mtime', date(unfit, at.mtime, facts.LastModifiedDateTime));
  const owner = userAt(unfit, at, roles, facts.Owner, facts.OwnerUid);
  if (owner?.name !== undefined)
    result.owner = owner.domain === undefined ? owner.name : `${owner.domain}\\${owner.name}`;
  if (path !== undefined || name !== undefined) result.type = 'file';
  return result;
}

const HIVES: readonly (readonly [string, string])[] = [
  ['hkey_local_machine', 'HKLM'],
  ['hkey_current_user', 'HKCU'],
  ['hkey_classes_root', 'HKCR'],
  ['hkey_users', 'HKU'],
  ['hkey_current_config', 'HKCC'],
  ['\\registry\\machine', 'HKLM'],
  ['\\registry\\user', 'HKU'],
  ['hklm', 'HKLM'],
  ['hkcu', 'HKCU'],
  ['hkcr', 'HKCR'],
  ['hkcc', 'HKCC'],
  ['hku', 'HKU'],
];

export function registryAt(unfit: Unfit, artifact: Artifact): Fields {
  const { facts } = artifact;
  const written = keyword(unfit, 'registry.path', facts.Path ?? facts.Name);
  const value = keyword(unfit, 'registry.value', facts.ValueName);
  const result: Fields = {};
  if (written !== undefined) {
    const { hive, key } = hiveOf(written);
    put(result, 'hive', hive);
    put(result, 'key', key);
    put(result, 'path', [hive, key, value].filter((part) => part !== undefined && part !== '').join('\\'));
  }
  put(result, 'value', value);
  const content = keyword(unfit, 'registry.data.strings', facts.Value);
  const data: Fields = {};
  if (content !== undefined) data.strings = [content];
  put(data, 'type', keyword(unfit, 'registry.data.type', facts.ValueType));
  put(result, 'data', filled(data));
  return result;
}

function hiveOf(path: string): { hive?: string; key: string } {
  const lower = path.toLowerCase();
  for (const [start, hive] of HIVES) {
    if (!lower.startsWith(start)) continue;
    const next = path.charAt(start.length);
    if (next === '') return { hive, key: '' };
    if (next === '\\' || next === '/') return { hive, key: path.slice(start.length + 1) };
  }
  return { key: path };
}

const FILE = placeAt('file');
const ALONE = rolesOf(undefined, undefined);

/** The fields that `fileAlone` puts for a file without hashes. */
export const FILE_FIELDS = ['file.path', 'file.name', 'file.directory', 'file.extension', 'file.type'] as const;

/** A file that a record names itself, without other artifacts around it. */
export function fileAlone({ unfit, related }: Draft, facts: Facts): Fields | undefined {
  const file = fileAt(unfit, FILE, ALONE, { uid: undefined, type: undefined, kind: 'file', facts, members: {} }, false);
  addHashes(file.hash as Fields | undefined, related);
  return filled(file);
}

/** The hashes of a file or process, for `related.hash`. */
export function addHashes(hash: Fields | undefined, related: Related): void {
  if (hash === undefined) return;
  for (const kind of ['md5', 'sha1', 'sha256']) {
    const value = hash[kind];
    if (typeof value === 'string') related.hash.push(value);
  }
}

/** Below an artifact that points at others written out in place. */
const MAX_DEPTH = 8;
const NOBODY = placeAt('');

/** Relates everything that artifacts name, whatever their part, so that a search for a hash, address, host or user finds the record. */
export function relate(roles: Roles, related: Related): void {
  const known = new Set(roles.artifacts);
  const look = (artifact: Artifact | undefined, depth: number): void => {
    if (artifact === undefined || depth > MAX_DEPTH) return;
    relateOne(roles, artifact, related);
    const { facts } = artifact;
    for (const pointed of [imageOf(roles, facts), parentOf(roles, facts)])
      if (pointed !== undefined && !known.has(pointed)) look(pointed, depth + 1);
  };
  for (const artifact of roles.artifacts) look(artifact, 0);
}

function relateOne(roles: Roles, artifact: Artifact, related: Related): void {
  const { kind, facts } = artifact;
  const ignored: Unfit = {};
  addHashes(hashesOf(ignored, NOBODY, facts, NO_FACTS), related);
  addHashes(hashesOf(ignored, NOBODY, NO_FACTS, facts), related);
  const owner = userAt(ignored, NOBODY, roles, facts.Owner, facts.OwnerUid);
  const user = kind === 'user' ? userOf(ignored, NOBODY, facts) : undefined;
  for (const one of [owner, user]) if (one?.name !== undefined) related.user.push(one.name);
  if ((facts.DnsName ?? facts.DestinationAddress ?? facts.SourceAddress) !== undefined)
    connectionAt(ignored, artifact, related);
  const asked = kind === 'dns' ? questionOf(ignored, facts) : undefined;
  if (asked !== undefined) related.hosts.push(asked);
}

function hasHash(facts: Facts): boolean {
  const own = facts.Md5 ?? facts.Sha1 ?? facts.Sha256;
  return (own ?? facts.PrimaryImageMd5 ?? facts.PrimaryImageSha1 ?? facts.PrimaryImageSha256) !== undefined;
}

/** The name that a DNS artifact asked for. */
export function questionOf(unfit: Unfit, facts: Facts): string | undefined {
  return keyword(unfit, 'dns.question.name', facts.DnsName ?? facts.Name);
}
