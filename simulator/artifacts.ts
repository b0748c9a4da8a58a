import type { Draws } from './hash.ts';
import { artifactUid, hex128 } from './ids.ts';
import type { DeviceFacts, UserFacts } from './names.ts';
import type { Secrets } from './secrets.ts';
import { NEVER, writeTime } from './times.ts';

export type ArtifactType = 'Process' | 'File' | 'RegistryKey' | 'NetworkConnection' | 'User' | 'Thread';
export type Json = Record<string, unknown>;

export interface Reference {
  Uid: string;
  Type: ArtifactType;
}

export interface Artifact extends Reference {
  /** The members of the artifact without Uid and Type, which depend on how it is written. */
  facts: Json;
}

/** The inputs of the functions below. */
export interface Scene {
  draws: Draws;
  device: DeviceFacts;
  users: UserFacts[];
  time: number;
  secrets: Secrets;
  /** Whether members may have other types than their usual one. */
  oddForms: boolean;
}

export function refer(artifact: Artifact): Reference {
  return { Uid: artifact.Uid, Type: artifact.Type };
}

function artifact(scene: Scene, Type: ArtifactType, facts: Json): Artifact {
  return { Uid: artifactUid(scene.draws.next), Type, facts };
}

/** A value of an old agent, which may be padded with blanks. */
export function worn(scene: Scene, text: string): string {
  return scene.draws.chance(0.03) ? ` ${text} ` : text;
}

export function numeric(scene: Scene, value: number): number | string {
  return scene.oddForms && scene.draws.chance(0.1) ? String(value) : value;
}

export function before(scene: Scene, minutes: number): string {
  return writeTime(scene.time - scene.draws.below(minutes * 60_000), scene.draws.next(), false);
}

export const FOLDERS = {
  Windows: [
    'c:\\windows\\system32\\',
    'c:\\windows\\',
    'C:\\Program Files\\Common Files\\',
    'c:\\users\\public\\',
    'd:\\Données\\',
  ],
  macOS: ['/Applications/', '/usr/bin/', '/Users/Shared/', '/private/tmp/'],
  Linux: ['/usr/bin/', '/opt/app/bin/', '/tmp/', '/var/lib/'],
};
export const IMAGES = {
  Windows: [
    'powershell.exe',
    'cmd.exe',
    'winword.exe',
    'svchost.exe',
    'rundll32.exe',
    'wscript.exe',
    '資料.exe',
    'a b.exe',
  ],
  macOS: ['bash', 'osascript', 'Installer', 'python3'],
  Linux: ['bash', 'curl', 'python3', 'java', 'sshd'],
};
export const ARGUMENTS = [
  ...['', ' -NoProfile -File setup.ps1', ' /c "echo héllo && dir"', ' -k netsvcs', ' --config /etc/app.conf --verbose'],
  ...[' user add /domain', ' -Command "Get-Item \'c:\\temp\\*\'"', ' -c \'import sys; print("ok")\''],
];
const SIGNATURES = ['Valid', 'IssuerSignatureMissing', 'Unsigned', 'Expired', 'NotTrusted'];
const SIGNERS = ['CN=Example Software, O="Example, Inc.", C=US', 'CN=Beispiel GmbH, C=DE', 'CN=テスト株式会社, C=JP'];

export function user(scene: Scene): Artifact {
  const { name, domain, sid } = scene.draws.pick(scene.users);
  return artifact(scene, 'User', {
    Name: worn(scene, name),
    Domain: domain,
    Sid: sid,
    IsLocal: scene.draws.chance(0.2),
  });
}

export function signature(scene: Scene): string {
  const status = scene.draws.pick(SIGNATURES);
  if (status === 'Unsigned') return scene.draws.chance(0.3) ? '' : JSON.stringify({ SignatureStatus: status });
  const Subject = scene.draws.pick(SIGNERS);
  return JSON.stringify({
    SignatureStatus: status,
    Subject,
    Issuer: 'CN=Example CA',
    Thumbprint: hex128(scene.draws.next),
  });
}

export function file(scene: Scene, owner: Artifact, fileName?: string): Artifact {
  const { draws, device } = scene;
  const name = fileName ?? draws.pick(IMAGES[device.os]);
  const path = draws.pick(FOLDERS[device.os]) + name;
  const sha256 = hex128(draws.next) + hex128(draws.next);
  const facts: Json = {
    Path: worn(scene, path),
    Name: name,
    Sha256Hash: worn(scene, draws.chance(0.5) ? sha256.toUpperCase() : sha256),
    Md5Hash: hex128(draws.next).toUpperCase(),
    Size: numeric(scene, draws.below(9_000_000)),
    SuspectedFileType: draws.pick(['Executable/PE', 'Script', 'Document/OOXML', '']),
    CreationDateTime: before(scene, 500_000),
    LastModifiedDateTime: draws.chance(0.1) ? NEVER : before(scene, 90_000),
    Owner: { Uid: owner.Uid, Type: 'User' },
    FileSignatureJson: draws.chance(0.1) ? null : signature(scene),
  };
  return artifact(scene, 'File', facts);
}

export function process(scene: Scene, image: Artifact, owner: Artifact, parent?: Artifact): Artifact {
  const { draws, secrets } = scene;
  const name = String(image.facts.Name);
  const command = `"${String(image.facts.Path).trim()}"${draws.pick(ARGUMENTS)}`;
  const facts: Json = {
    Name: name,
    CommandLine: secrets.commandLine(command),
    ProcessId: numeric(scene, 4 + draws.below(30_000) * 4),
    StartDateTime: before(scene, 600),
    EndDateTime: draws.chance(0.6) ? NEVER : writeTime(scene.time + draws.below(60_000), draws.next(), false),
    PrimaryImage: refer(image),
    User: refer(owner),
    Description: draws.chance(0.3) ? '' : `${name} image`,
    IsBeingDebugged: false,
  };
  if (parent) facts.Parent = refer(parent);
  else if (draws.chance(0.3)) facts.Parent = null;
  return artifact(scene, 'Process', facts);
}

/** A number in the registry: a text, like all values; with odd forms also a number. */
function registryNumber(scene: Scene): number | string {
  const value = scene.draws.below(2);
  return scene.oddForms ? numeric(scene, value) : String(value);
}

export function registryKey(scene: Scene): Artifact {
  const { draws, secrets } = scene;
  const key = draws.pick(['CurrentVersion\\Run', 'Services\\Updater', 'CurrentVersion\\Policies\\System']);
  return artifact(scene, 'RegistryKey', {
    Path: `\\REGISTRY\\MACHINE\\SOFTWARE\\Example\\Windows\\${key}`,
    ValueName: draws.pick(['Updater', '', '(Default)', 'ImagePath']),
    ValueType: draws.pick(['REG_SZ', 'REG_DWORD', 'REG_EXPAND_SZ']),
    Value: draws.chance(0.5) ? secrets.commandLine('c:\\users\\public\\run.exe') : registryNumber(scene),
  });
}

export function connection(scene: Scene): Artifact {
  const { draws } = scene;
  const remote = draws.pick([
    `203.0.113.${draws.below(255)}`,
    `10.${draws.below(255)}.3.7`,
    '2001:db8::7',
    '300.1.2.3',
    '',
  ]);
  return artifact(scene, 'NetworkConnection', {
    SourceAddress: `192.168.${draws.below(32)}.${draws.below(255)}`,
    SourcePort: numeric(scene, 49_152 + draws.below(16_000)),
    DestinationAddress: remote,
    DestinationPort: numeric(scene, draws.pick([443, 80, 53, 3389, 8080])),
    Protocol: draws.pick(['TCP', 'UDP', 'tcp']),
    DnsName: draws.chance(0.5) ? `cdn-${draws.below(99)}.example.test` : null,
    ...(draws.chance(0.3) ? scene.secrets.members() : {}),
  });
}

export function thread(scene: Scene, owner: Artifact): Artifact {
  const { draws } = scene;
  return artifact(scene, 'Thread', {
    ThreadId: numeric(scene, draws.below(60_000)),
    StartAddress: `0x${hex128(draws.next).slice(0, 16)}`,
    CreationDateTime: before(scene, 60),
    Process: refer(owner),
  });
}
