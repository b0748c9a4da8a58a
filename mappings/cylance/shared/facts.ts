/** What artifacts say of themselves, and of which kinds they are. */
import { type Fields, type Members, reader } from '../../ecs.ts';

const HEAD = {
  Uid: ['UniqueId'],
  Type: ['ObjectType', 'ArtifactType'],
  Properties: ['Facets'],
};

/** Members of all kinds of artifacts under one name each; the InstaQuery section of the guide names most of them. */
const FACTS = {
  ...HEAD,
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
  PrimaryImageSha1: ['ProcessImageSha1'],
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
};
export type Facts = Members<keyof typeof FACTS>;

export type Kind = 'process' | 'file' | 'registry' | 'network' | 'user' | 'thread' | 'module' | 'dns';

const BY_ACTOR = { Name: [], Owner: ['User', 'ProcessOwner', 'UserName'] };
const OF_FILE = { Name: ['FileName'], Owner: ['FileOwner', 'User', 'UserName'] };
/**
 * What words mean on one kind of artifact: an artifact also carries facts of what stands beside it, such as the name of
 * the process that wrote a file. One of no known kind is read by all of them.
 */
const BY_KIND: Readonly<Record<Kind, Partial<Record<keyof typeof FACTS, readonly string[]>>>> = {
  process: { ...BY_ACTOR, Name: ['ProcessName', 'FileName'] },
  file: OF_FILE,
  module: { Name: ['ModuleName', 'FileName'], Path: ['ModulePath', 'FilePath', 'FullPath'], Owner: OF_FILE.Owner },
  registry: { ...BY_ACTOR, Path: ['KeyPath', 'Key', 'RegistryPath', 'FullPath'] },
  network: BY_ACTOR,
  dns: BY_ACTOR,
  thread: BY_ACTOR,
  user: { Name: ['UserName'], Domain: ['UserDomain', 'DomainName'], DnsName: [] },
};

const factsOfAny: (members: unknown) => Facts = reader(FACTS);
const readers: ReadonlyMap<string, (members: unknown) => Facts> = new Map(
  Object.entries(BY_KIND).map(([kind, words]) => [kind, reader({ ...FACTS, ...words })]),
);

/** What the members of an artifact say, read as its kind means them. */
export function factsOf(kind: Kind | undefined, members: Fields): Facts {
  return (readers.get(kind ?? '') ?? factsOfAny)(members);
}

/** What every artifact has, whatever its kind. */
export const headOf = reader(HEAD);
export type Head = ReturnType<typeof headOf>;

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
export function fold(name: string): string {
  return name.replaceAll(/[\s_-]/g, '').toLowerCase();
}
