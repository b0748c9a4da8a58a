import { ARGUMENTS, before, FOLDERS, IMAGES, type Json, numeric, type Scene, signature, worn } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import { type Draws, drawsFor, SALT } from '../hash.ts';
import { artifactUid, hex128 } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { SECRET_BASE, secretsFor } from '../secrets.ts';
import type { QueryArtifact } from './kinds.ts';

/** An artifact that queries find: the same for every query and device. */
export interface Found {
  uid: string;
  properties: Json;
}

/** The time of artifacts, which are older than any query. */
const KNOWN_SINCE = Date.UTC(2024, 0, 1);
const TYPES: readonly QueryArtifact[] = ['File', 'Process', 'NetworkConnection', 'RegistryKey', 'Driver'];

const sha256 = (draws: Draws) => hex128(draws.next) + hex128(draws.next).toUpperCase();
const md5 = (draws: Draws) => hex128(draws.next).toUpperCase();

/** JSON in a string, as the service sends it, or nothing; with odd forms the bare object now and then. */
function fileSignature(scene: Scene): unknown {
  const { draws } = scene;
  const text = signature(scene);
  if (draws.chance(0.15)) return null;
  return scene.oddForms && text !== '' && draws.chance(0.15) ? JSON.parse(text) : text;
}

function ownerOf({ draws, users }: Scene): string {
  const { domain, name } = draws.pick(users);
  return draws.chance(0.3) ? 'BUILTIN\\Administrators' : `${domain}\\${name}`;
}

function imageOf(scene: Scene): { name: string; path: string } {
  const { draws, device } = scene;
  const name = draws.pick(IMAGES[device.os]);
  return { name, path: draws.pick(FOLDERS[device.os]) + name };
}

function file(scene: Scene): Json {
  const { draws } = scene;
  return {
    OwnerUid: artifactUid(draws.next),
    SuspectedFileType: draws.pick(['Executable/PE', 'Script', '', ' Document/OOXML ']),
    Size: numeric(scene, draws.below(9_000_000)),
    Owner: ownerOf(scene),
    Path: imageOf(scene).path,
    Sha256: worn(scene, sha256(draws).toUpperCase()),
    CreationDateTime: before(scene, 500_000),
    Md5: md5(draws),
    FileSignature: fileSignature(scene),
  };
}

function process(scene: Scene): Json {
  const { draws, secrets } = scene;
  const { name, path } = imageOf(scene);
  return {
    Name: name,
    CommandLine: secrets.commandLine(`"${path}"${draws.pick(ARGUMENTS)}`),
    StartDateTime: before(scene, 90_000),
    PrimaryImagePath: path,
    PrimaryImageMd5: md5(draws),
    PrimaryImageSha256: sha256(draws),
    PrimaryImageUid: artifactUid(draws.next),
    Owner: ownerOf(scene),
    OwnerUid: artifactUid(draws.next),
    SuspectedFileType: 'Executable/PE',
    FileSignature: fileSignature(scene),
    IsBeingDebugged: scene.oddForms ? draws.pick([false, 'False', 0]) : false,
  };
}

function connection(scene: Scene): Json {
  const { draws, secrets } = scene;
  const { name, path } = imageOf(scene);
  return {
    DestinationAddress: draws.pick([`203.0.113.${draws.below(255)}`, '2001:db8::7', ' 10.4.3.7 ', '300.1.2.3']),
    DestinationPort: numeric(scene, draws.pick([443, 80, 53, 4444])),
    ProcessName: name,
    ProcessPrimaryImageUid: artifactUid(draws.next),
    ProcessPrimaryImagePath: path,
    ProcessImageMd5: md5(draws),
    [scene.oddForms && draws.chance(0.5) ? 'ProcessImageSha2' : 'ProcessImageSha256']: sha256(draws),
    SuspectedFileType: 'Executable/PE',
    ...(draws.chance(0.3) ? secrets.members() : {}),
  };
}

function registryKey(scene: Scene): Json {
  const { draws, secrets } = scene;
  return {
    IsPersistencePoint: scene.oddForms ? draws.pick([1, 0, '1', true]) : draws.below(2),
    ValueName: draws.pick(['Updater', '', '(Default)', 'ImagePath']),
    Path: '\\REGISTRY\\MACHINE\\SOFTWARE\\Example\\Windows\\CurrentVersion\\Run',
    FilePath: draws.chance(0.3) ? secrets.commandLine('c:\\users\\public\\run.exe') : imageOf(scene).path,
    FileMd5: md5(draws),
    FileSha256: sha256(draws),
    FileUid: artifactUid(draws.next),
    SuspectedFileType: 'Executable/PE',
    FileSignature: fileSignature(scene),
  };
}

/** An artifact of an undocumented type, with undocumented members. */
function driver(scene: Scene): Json {
  const { draws } = scene;
  return {
    Name: `drv${draws.below(999)}.sys`,
    Loaded: scene.oddForms ? draws.pick([true, 'yes']) : true,
    Depth: { level: draws.below(4) },
  };
}

const MAKERS = {
  File: file,
  Process: process,
  NetworkConnection: connection,
  RegistryKey: registryKey,
  Driver: driver,
};

/** The properties as old agents report them: padded with blanks. */
function padded(properties: Json): Json {
  const padding = ['Path', 'Name', 'ProcessName'].filter((member) => member in properties);
  return { ...properties, ...Object.fromEntries(padding.map((member) => [member, ` ${properties[member]}  `])) };
}

export function foundArtifact(facts: Facts, type: QueryArtifact, number: number): Found {
  const serial = number * TYPES.length + TYPES.indexOf(type);
  const draws = drawsFor(facts.seed, serial, SALT.resultArtifact);
  const uid = artifactUid(draws.next);
  const secrets = secretsFor(facts.seed, SECRET_BASE.artifact + serial, facts.plantSecrets);
  const device = draws.pick(facts.devices) as DeviceFacts;
  const properties = MAKERS[type]({
    draws,
    device,
    users: facts.users,
    time: KNOWN_SINCE,
    secrets,
    oddForms: facts.oddForms,
  });
  return { uid, properties: number % 9 === 4 ? padded(properties) : properties };
}
