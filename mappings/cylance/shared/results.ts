/**
 * The artifact of an InstaQuery's or a focus view's result in ECS. Other than in a detection, one object carries the
 * facts of several things: a connection those of the process that made it, a registry key those of the file that its
 * value names. So each part is read by names of its own here, and never `FilePath` as the path of a registry key.
 */

import { type Fields, filled, isEmpty, keyword, put, type Related, reader } from '../../ecs.ts';
import { type Draft, type Part, partOf } from '../../ecs-frame.ts';
import { account } from '../../ecs-names.ts';
import { type Artifact, type Roles, rolesOf } from './artifacts.ts';
import { connectionAt } from './connections.ts';
import type { Facts, Kind } from './facts.ts';
import { addHashes, fileAt, placeAt, processAt, putOwner, registryAt, userAt } from './places.ts';

/** Of a registry value the guide says that it "was interacted with"; `access` is the weakest type that registry has. */
export const CATEGORIES: ReadonlyMap<Kind | undefined, readonly [category: string, type: string]> = new Map([
  ['file', ['file', 'info']],
  ['process', ['process', 'info']],
  ['network', ['network', 'connection']],
  ['registry', ['registry', 'access']],
]);

/** What people call a kind of artifact; of another one, the vendor's word is used. */
export const WORDS: ReadonlyMap<Kind | undefined, string> = new Map([
  ['file', 'file'],
  ['process', 'process'],
  ['network', 'connection'],
  ['registry', 'registry key'],
]);

const PROCESS = placeAt('process', 'user');
const FILE = placeAt('file');

/** Facts without a field in the dictionary. */
const OWN = {
  uid: 'keyword',
  type: 'keyword',
  /** The image of the process, or of the process that made the connection. */
  image_uid: 'keyword',
  owner_uid: 'keyword',
  suspected_file_type: ['keyword', 'SuspectedFileType'],
  is_being_debugged: ['boolean', 'IsBeingDebugged'],
  is_persistence_point: ['boolean', 'IsPersistencePoint'],
  /** The file that a registry value names. */
  file_uid: ['keyword', 'FileUid'],
} as const;

/** Where it stands below the stream's name, and where artifacts that others refer to are found. */
export interface Setting {
  prefix: string;
  own: Part<'SuspectedFileType' | 'IsBeingDebugged' | 'IsPersistencePoint' | 'FileUid'>;
  roles: Roles;
}

export function settingAt(prefix: string): Omit<Setting, 'roles'> {
  const members = { SuspectedFileType: [], IsBeingDebugged: [], IsPersistencePoint: [], FileUid: [] };
  return { prefix, own: partOf({ at: prefix, members, own: OWN }) };
}

/** For a record with one artifact: it refers to nothing else in it. */
export const ALONE = rolesOf(undefined, undefined);

/** The process beside a connection or a registry key; the guide writes `ProcessImageSha2` for a SHA-256. */
const actorOf = reader({
  ProcessName: [],
  ProcessId: ['Pid'],
  ProcessCommandLine: ['CommandLine'],
  ProcessPrimaryImagePath: ['ProcessImagePath', 'PrimaryImagePath'],
  ProcessImageMd5: ['ProcessPrimaryImageMd5', 'PrimaryImageMd5'],
  ProcessImageSha1: ['ProcessPrimaryImageSha1', 'PrimaryImageSha1'],
  ProcessImageSha256: ['ProcessImageSha2', 'ProcessPrimaryImageSha256', 'PrimaryImageSha256'],
  ProcessPrimaryImageUid: ['ProcessImageUid', 'PrimaryImageUid'],
  ProcessOwner: [],
});
/** The file that a registry value names. */
const referencedOf = reader({
  FilePath: [],
  FileName: [],
  FileMd5: ['Md5'],
  FileSha1: ['Sha1'],
  FileSha256: ['FileSha2', 'Sha256'],
  FileSize: [],
  FileSignature: ['FileSignatureJson'],
});
/** Puts the artifact into the document. Returns its name for people, undefined for a type that has no place in ECS. */
export function resultAt(draft: Draft, artifact: Artifact, setting: Setting): string | undefined {
  const { own, unfit } = draft;
  Object.assign(own, setting.own.of(unfit, artifact.members));
  switch (artifact.kind) {
    case 'file':
      return fileFound(draft, artifact, setting);
    case 'process':
      return actor(draft, artifact, setting);
    case 'network':
      return connectionFound(draft, artifact, setting);
    case 'registry':
      return registryFound(draft, artifact, setting);
    default:
      return undefined;
  }
}

function fileFound({ document, own, unfit, related }: Draft, artifact: Artifact, { prefix, roles }: Setting): string {
  const file = fileAt(unfit, FILE, roles, artifact, false);
  put(document, 'file', filled(file));
  put(own, 'owner_uid', keyword(unfit, `${prefix}.owner_uid`, artifact.facts.OwnerUid));
  addHashes(file.hash as Fields | undefined, related);
  if (typeof file.owner === 'string') addUser(account(file.owner).name, related);
  return labelOf(file.name, file.path);
}

/** The process itself, or the one that made a connection or touched a registry key, and who owns it. */
function actor({ document, own, unfit, related }: Draft, artifact: Artifact, { prefix, roles }: Setting): string {
  const { facts } = artifact;
  const process = processAt(unfit, PROCESS, roles, artifact);
  put(document, 'process', filled(process));
  addHashes(process.hash as Fields | undefined, related);
  const user = userAt(unfit, PROCESS, roles, facts.Owner, facts.OwnerUid);
  if (user !== undefined && !isEmpty(user)) {
    document.user = user;
    if (!isEmpty(process)) putOwner(process, user);
    addUser(user.name, related);
  }
  put(own, 'image_uid', keyword(unfit, `${prefix}.image_uid`, facts.PrimaryImageUid));
  put(own, 'owner_uid', keyword(unfit, `${prefix}.owner_uid`, facts.OwnerUid));
  return labelOf(process.name, process.executable);
}

/** Only the image of that process has an id here, which is no id of a process: `entity_id` stays empty. */
function actorBeside(artifact: Artifact, signature?: unknown): Artifact {
  const said = actorOf(artifact.members);
  const facts: Facts = {
    Name: said.ProcessName,
    ProcessId: said.ProcessId,
    CommandLine: said.ProcessCommandLine,
    PrimaryImagePath: said.ProcessPrimaryImagePath,
    PrimaryImageMd5: said.ProcessImageMd5,
    PrimaryImageSha1: said.ProcessImageSha1,
    PrimaryImageSha256: said.ProcessImageSha256,
    PrimaryImageUid: said.ProcessPrimaryImageUid,
    Owner: said.ProcessOwner,
    FileSignatureJson: signature,
  };
  return { uid: undefined, type: undefined, kind: 'process', facts, members: artifact.members };
}

function connectionFound(draft: Draft, artifact: Artifact, setting: Setting): string {
  const { document, unfit, related } = draft;
  const { destination, source, network } = connectionAt(unfit, artifact, related);
  put(document, 'destination', destination);
  put(document, 'source', source);
  put(document, 'network', network);
  const process = actorBeside(artifact, artifact.facts.FileSignatureJson);
  const by = actor(draft, process, setting);
  const far = labelOf(destination?.address, destination?.domain);
  const words = far === '' ? [] : [far];
  if (destination?.port !== undefined) words.push(`port ${destination.port}`);
  if (words.length > 0) words.unshift('to');
  if (by !== '') words.push('by', by);
  return words.join(' ');
}

function registryFound(draft: Draft, artifact: Artifact, setting: Setting): string {
  const { document, unfit, related } = draft;
  const registry = registryAt(unfit, artifact);
  put(document, 'registry', filled(registry));
  const file = fileAt(unfit, FILE, ALONE, { ...artifact, facts: factsOfReferenced(artifact) }, false);
  put(document, 'file', filled(file));
  addHashes(file.hash as Fields | undefined, related);
  actor(draft, actorBeside(artifact), setting);
  return labelOf(registry.path, registry.value);
}

function factsOfReferenced(artifact: Artifact): Facts {
  const said = referencedOf(artifact.members);
  return {
    Path: said.FilePath,
    Name: said.FileName,
    Md5: said.FileMd5,
    Sha1: said.FileSha1,
    Sha256: said.FileSha256,
    Size: said.FileSize,
    FileSignatureJson: said.FileSignature,
  };
}

function labelOf(...candidates: unknown[]): string {
  for (const candidate of candidates) if (typeof candidate === 'string') return candidate;
  return '';
}

function addUser(name: string | undefined, related: Related): void {
  if (name !== undefined) related.user.push(name);
}
