/**
 * The artifacts of a detection: what was there (`AssociatedArtifacts`) and which part each played
 * (`ArtifactsOfInterest`). The guide calls both dynamic objects; the forms accepted here are those of public clients
 * and pasted replies: flat, nested under the type's name, or below `Properties`.
 */
import { memberOrder } from '../../src/json.ts';
import { type Fields, isRecord, listOf, type Members, MOST_ITEMS, reader, text } from '../ecs.ts';
import { pick } from '../ecs-document.ts';

/** Members of all kinds of artifacts under one name each; the InstaQuery section of the guide names most of them. */
export const factsOf = reader({
  Uid: ['UniqueId'],
  Type: ['ObjectType', 'ArtifactType'],
  Properties: ['Facets'],
  Name: ['ProcessName', 'UserName', 'FileName'],
  // Process
  CommandLine: ['CmdLine'],
  ProcessId: ['Pid', 'PID'],
  StartDateTime: ['StartTime'],
  EndDateTime: ['EndTime', 'ExitDateTime'],
  ExitCode: [],
  Owner: ['User', 'ProcessOwner'],
  OwnerUid: ['UserUid'],
  PrimaryImage: ['ImageFile'],
  PrimaryImageUid: ['ProcessPrimaryImageUid', 'ImageUid'],
  PrimaryImagePath: ['ProcessPrimaryImagePath', 'ImagePath'],
  PrimaryImageMd5: ['ProcessImageMd5'],
  PrimaryImageSha256: ['ProcessImageSha2', 'ProcessImageSha256', 'PrimaryImageSha2'],
  Parent: ['ParentProcess'],
  ParentUid: ['ParentProcessUid'],
  ParentProcessId: ['ParentPid'],
  // File
  Path: ['FilePath', 'FullPath'],
  Md5: ['Md5Hash', 'MD5', 'FileMd5'],
  Sha1: ['Sha1Hash', 'SHA1', 'FileSha1'],
  Sha256: ['Sha256Hash', 'SHA256', 'Sha2', 'FileSha256'],
  Size: ['FileSize'],
  FileSignatureJson: ['FileSignature', 'Signature'],
  CreationDateTime: ['CreationTime'],
  LastModifiedDateTime: ['ModificationDateTime', 'LastWriteDateTime', 'ModifiedDateTime'],
  OriginalFileName: ['OriginalName'],
  ProductName: [],
  CompanyName: [],
  FileDescription: [],
  FileVersion: [],
  Architecture: [],
  ImpHash: [],
  // User
  Domain: ['UserDomain'],
  Sid: ['UserSid'],
  // RegistryKey
  ValueName: [],
  ValueType: ['DataType'],
  Value: ['ValueData', 'Data'],
  // NetworkConnection
  DestinationAddress: ['DestAddr', 'RemoteAddress', 'DestinationIp'],
  DestinationPort: ['DestPort', 'RemotePort'],
  SourceAddress: ['SrcAddr', 'SourceAddr', 'LocalAddress', 'SourceIp'],
  SourcePort: ['SrcPort', 'LocalPort'],
  Protocol: ['TransportProtocol'],
  DnsName: ['DestinationDomain', 'RemoteHost', 'DomainName', 'QuestionName', 'QueryName'],
});
export type Facts = ReturnType<typeof factsOf>;

export type Kind = 'process' | 'file' | 'registry' | 'network' | 'user' | 'thread' | 'module' | 'dns';

export interface Artifact {
  uid: string | undefined;
  /** The vendor's word for what it is. */
  type: string | undefined;
  kind: Kind | undefined;
  facts: Facts;
  /** Its members as they came, nesting taken away. */
  members: Fields;
}

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['process', 'process'],
  ['file', 'file'],
  ['registrykey', 'registry'],
  ['registry', 'registry'],
  ['registryvalue', 'registry'],
  ['networkconnection', 'network'],
  ['network', 'network'],
  ['connection', 'network'],
  ['dnsrequest', 'dns'],
  ['dnsquery', 'dns'],
  ['dns', 'dns'],
  ['user', 'user'],
  ['thread', 'thread'],
  ['module', 'module'],
  ['image', 'module'],
  ['dll', 'module'],
  ['library', 'module'],
]);
/** By spelling, so that a type is folded once and not once a record. */
const kinds = new Map<string, Kind | undefined>();

export function kindOf(type: string): Kind | undefined {
  const known = kinds.get(type);
  if (known !== undefined) return known;
  const kind = KINDS.get(fold(type));
  if (kind !== undefined && kinds.size < 500) kinds.set(type, kind);
  return kind;
}

/** Lower case letters only: `Instigating Process` and `InstigatingProcess` name one role. */
function fold(name: string): string {
  return name.replaceAll(/[\s_-]/g, '').toLowerCase();
}

/** An object that holds an artifact under its type's name has little else. */
const MAX_WRAPPER_MEMBERS = 4;

function artifactOf(value: unknown): Artifact | undefined {
  if (!isRecord(value)) return undefined;
  const outer = factsOf(value);
  const type = text(outer.Type);
  const inner = wrapped(value, outer, type);
  if (inner === undefined)
    return {
      uid: text(outer.Uid),
      type,
      kind: type === undefined ? undefined : kindOf(type),
      facts: outer,
      members: value,
    };
  const { [inner.member]: _nested, ...rest } = value;
  const members = { ...rest, ...inner.content };
  const facts = factsOf(members);
  const name = type ?? text(facts.Type) ?? inner.type;
  return { uid: text(facts.Uid), type: name, kind: name === undefined ? undefined : kindOf(name), facts, members };
}

function wrapped(
  value: Fields,
  outer: Facts,
  type: string | undefined,
): { member: string; content: Fields; type?: string } | undefined {
  if (type !== undefined) {
    const content = value[type];
    if (isRecord(content)) return { member: type, content };
  }
  if (isRecord(outer.Properties)) {
    for (const member in value) if (value[member] === outer.Properties) return { member, content: outer.Properties };
  }
  const names = Object.keys(value);
  if (names.length > MAX_WRAPPER_MEMBERS) return undefined;
  for (const member of names) {
    const content = value[member];
    if (!isRecord(content)) continue;
    const kind = kindOf(member);
    if (kind !== undefined && (type === undefined || kindOf(type) === kind)) return { member, content, type: member };
  }
  return undefined;
}

export interface Interest {
  state: string;
  source: string | undefined;
  uid: string | undefined;
  type: string | undefined;
}

export interface Cast {
  artifacts: Artifact[];
  /** How many there were before the bound. */
  count: number;
  interests: Interest[];
  /** How many there were before the bound. */
  interestCount: number;
  /** What the guide does not know of them. */
  remarks: unknown[];
  byUid: ReadonlyMap<string, Artifact>;
  /** By folded role (`targetfile`), of one state: actor and target of a document belong together. */
  roles: ReadonlyMap<string, Artifact>;
  /** What played a part in other states alone: it is no target of this state's actor. */
  elsewhere: ReadonlySet<Artifact>;
}

/** States name the same artifacts again. */
export const MAX_INTERESTS = 2000;

const interestOf = reader({ Source: ['Role'], Artifact: [], Uid: [], Type: ['ObjectType'] });
const referenceOf = reader({ Uid: ['UniqueId'], Type: ['ObjectType'] });

/** The artifacts of a detection, each with the part that it played. */
export function castOf(associated: unknown, ofInterest: unknown): Cast {
  const artifacts: Artifact[] = [];
  const byUid = new Map<string, Artifact>();
  const given =
    isRecord(associated) && factsOf(associated).Type === undefined ? Object.values(associated) : listOf(associated);
  for (const item of given) {
    if (artifacts.length >= MOST_ITEMS) break;
    const artifact = artifactOf(item);
    if (artifact === undefined || Object.keys(artifact.members).length === 0) continue;
    artifacts.push(artifact);
    if (artifact.uid !== undefined && !byUid.has(artifact.uid)) byUid.set(artifact.uid, artifact);
  }
  const { interests, interestCount, remarks } = interestsOf(ofInterest);
  const roles = new Map<string, Artifact>();
  // The first that names who acted, else the first.
  const acting = interests.find(({ source }) => source !== undefined && roleOf(source) === 'instigatingprocess');
  const told = (acting ?? interests[0])?.state;
  for (const interest of interests) {
    if (interest.source === undefined || interest.state !== told) continue;
    const role = roleOf(interest.source);
    if (roles.has(role)) continue;
    const known = interest.uid === undefined ? undefined : byUid.get(interest.uid);
    const artifact = known ?? bare(interest);
    if (artifact !== undefined) roles.set(role, artifact);
  }
  const elsewhere = new Set<Artifact>();
  for (const { state, uid } of interests) {
    const artifact = uid === undefined ? undefined : byUid.get(uid);
    if (artifact === undefined) continue;
    if (state === told) elsewhere.delete(artifact);
    else if (![...roles.values()].includes(artifact)) elsewhere.add(artifact);
  }
  return { artifacts, count: given.length, interests, interestCount, remarks, byUid, roles, elsewhere };
}

/** An artifact that is only referred to still has its id. */
function bare(interest: Interest): Artifact | undefined {
  const { uid, type } = interest;
  if (uid === undefined) return undefined;
  return { uid, type, kind: type === undefined ? undefined : kindOf(type), facts: { Uid: uid }, members: {} };
}

const spelledRoles = new Map<string, string>();

function roleOf(source: string): string {
  let role = spelledRoles.get(source);
  if (role === undefined) {
    role = fold(source);
    if (spelledRoles.size < 500 && source.length < 100) spelledRoles.set(source, role);
  }
  return role;
}

/** State by state, the first in the text of the reply first: their names say nothing about it. */
function interestsOf(ofInterest: unknown): Pick<Cast, 'interests' | 'interestCount' | 'remarks'> {
  const interests: Interest[] = [];
  const remarks: unknown[] = [];
  let interestCount = 0;
  for (const state of isRecord(ofInterest) ? memberOrder(ofInterest) : []) {
    for (const item of listOf((ofInterest as Fields)[state])) {
      interestCount++;
      if (interests.length >= MAX_INTERESTS) continue;
      const entry = interestOf(item);
      const reference = referenceOf(entry.Artifact);
      const uid =
        text(reference.Uid ?? entry.Uid) ?? (typeof entry.Artifact === 'string' ? text(entry.Artifact) : undefined);
      if (!isRecord(item)) remarks.push(item);
      else if (entry.others !== undefined) remarks.push(pick(item, entry.others));
      if (isRecord(entry.Artifact) && reference.others !== undefined)
        remarks.push(pick(entry.Artifact, reference.others));
      const type = text(reference.Type ?? entry.Type);
      const interest = { state, source: text(entry.Source), uid, type };
      if (interest.source !== undefined || uid !== undefined) interests.push(interest);
    }
  }
  return { interests, interestCount, remarks };
}

/** What a member such as `PrimaryImage` points at: by its Uid, or written out in place. */
export function follow(cast: Cast, reference: unknown, uidBeside?: unknown): Artifact | undefined {
  if (reference === undefined && uidBeside === undefined) return undefined;
  const target = isRecord(reference) ? referenceOf(reference) : undefined;
  const uid = text(target?.Uid ?? uidBeside) ?? (typeof reference === 'string' ? text(reference) : undefined);
  const known = uid === undefined ? undefined : cast.byUid.get(uid);
  if (known !== undefined) return known;
  return isRecord(reference) ? artifactOf(reference) : undefined;
}

/** The only artifact of a kind, for detections whose rule names no artifact of interest. */
export function onlyOne(cast: Cast, kind: Kind, without?: ReadonlySet<Artifact>): Artifact | undefined {
  let found: Artifact | undefined;
  for (const artifact of cast.artifacts) {
    if (artifact.kind !== kind || without?.has(artifact) || cast.elsewhere.has(artifact)) continue;
    if (found !== undefined) return undefined;
    found = artifact;
  }
  return found;
}

export type { Members };
