/** The fields of the dictionary that artifacts take, wherever they come from. */
import type { EcsField } from '../../ecs.ts';
import { below } from '../../ecs-frame.ts';

const HASHES = ['hash.md5', 'hash.sha1', 'hash.sha256'] as const;
const SIGNATURE = [
  'code_signature.exists',
  'code_signature.status',
  'code_signature.subject_name',
  'code_signature.thumbprint_sha256',
  'code_signature.timestamp',
  'code_signature.valid',
] as const;
const PE = [
  'pe.architecture',
  'pe.company',
  'pe.description',
  'pe.file_version',
  'pe.imphash',
  'pe.original_file_name',
  'pe.product',
] as const;
export const PROCESS = [
  'entity_id',
  'name',
  'pid',
  'command_line',
  'args',
  'args_count',
  'executable',
  'start',
  'end',
  'exit_code',
  'user.id',
  'user.name',
  ...HASHES,
  ...SIGNATURE,
  ...PE,
] as const;
const END = ['address', 'domain', 'ip', 'port'] as const;

/** What was found on a device, and who did it. */
export const ARTIFACTS: readonly EcsField[] = [
  ...below('process', PROCESS),
  ...below('user', ['id', 'name', 'domain']),
  ...below('file', ['path', 'name', 'directory', 'extension', 'size', 'created', 'mtime', 'owner', 'type']),
  ...below('file', [...HASHES, ...SIGNATURE, ...PE]),
  ...below('registry', ['hive', 'key', 'path', 'value', 'data.strings', 'data.type']),
  ...below('destination', END),
  ...below('source', END),
  ...below('network', ['transport', 'type']),
  ...below('related', ['hosts', 'ip', 'user', 'hash']),
];

/** A module that was loaded. */
export const MODULE = below('dll', ['path', 'name', ...HASHES, ...SIGNATURE, ...PE]);
