/** Every field that a detection's document can have: the index templates are made from it. */
import type { CustomType, EcsField, FieldList } from '../../ecs.ts';
import { MAX_INTERESTS } from '../shared/artifacts.ts';

export function below<Prefix extends string, Name extends string>(
  prefix: Prefix,
  names: readonly Name[],
): `${Prefix}.${Name}`[] {
  return names.map((name) => `${prefix}.${name}` as const);
}

export const HASHES = ['hash.md5', 'hash.sha1', 'hash.sha256'] as const;
export const SIGNATURE = [
  'code_signature.exists',
  'code_signature.status',
  'code_signature.subject_name',
  'code_signature.thumbprint_sha256',
  'code_signature.timestamp',
  'code_signature.valid',
] as const;
export const PE = [
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
  'executable',
  'start',
  'end',
  'exit_code',
  ...HASHES,
  ...SIGNATURE,
  ...PE,
] as const;
export const END = ['address', 'domain', 'ip', 'port'] as const;

const ecs: EcsField[] = [
  '@timestamp',
  'ecs.version',
  'message',
  'tags',
  ...below('event', [
    'kind',
    'category',
    'type',
    'module',
    'dataset',
    'id',
    'created',
    'start',
    'severity',
    'risk_score',
    'reason',
  ]),
  ...below('event', ['provider', 'url', 'original']),
  ...below('observer', ['vendor', 'product', 'version']),
  'organization.id',
  ...below('host', ['id', 'name', 'ip', 'mac', 'os.type', 'os.name', 'os.full']),
  ...below('rule', ['id', 'name', 'description', 'category', 'version', 'ruleset']),
  ...below('threat', ['framework', 'technique.id', 'technique.subtechnique.id']),
  ...below('process', PROCESS),
  ...below('process.parent', PROCESS),
  ...below('user', ['id', 'name', 'domain', 'target.id', 'target.name', 'target.domain']),
  ...below('file', [
    'path',
    'name',
    'directory',
    'extension',
    'size',
    'created',
    'mtime',
    'owner',
    'type',
    ...HASHES,
    ...SIGNATURE,
    ...PE,
  ]),
  ...below('dll', ['path', 'name', ...HASHES, ...SIGNATURE, ...PE]),
  ...below('registry', ['hive', 'key', 'path', 'value', 'data.strings', 'data.type']),
  'dns.question.name',
  ...below('destination', END),
  ...below('source', END),
  ...below('network', ['transport', 'type']),
  ...below('related', ['hosts', 'ip', 'user', 'hash']),
];

/** What the members of a process are under the prefix: as in the dictionary, but for the command line. */
function targetProcess(prefix: string): Record<string, CustomType> {
  const types: Record<string, CustomType> = {
    pid: 'long',
    exit_code: 'long',
    start: 'date',
    end: 'date',
    command_line: 'wildcard',
    'code_signature.exists': 'boolean',
    'code_signature.valid': 'boolean',
    'code_signature.timestamp': 'date',
  };
  return Object.fromEntries(PROCESS.map((name) => [`${prefix}.${name}`, types[name] ?? 'keyword']));
}

const custom: Record<string, CustomType> = {
  'cylance.detection.severity': 'keyword',
  'cylance.detection.severity_sort_level': 'long',
  'cylance.detection.status': 'keyword',
  'cylance.detection.status_sort_level': 'long',
  'cylance.detection.phonetic_id': 'keyword',
  'cylance.detection.tenant_id': 'keyword',
  'cylance.detection.device_id': 'keyword',
  'cylance.detection.device_other': 'flattened',
  'cylance.detection.name': 'keyword',
  'cylance.detection.description': 'keyword',
  'cylance.detection.comment': 'match_only_text',
  'cylance.detection.object_type': 'keyword',
  'cylance.detection.schema_version': 'long',
  'cylance.detection.zone_ids': 'keyword',
  'cylance.detection.deleted': 'boolean',
  'cylance.detection.process_role': 'keyword',
  'cylance.detection.detector.name': 'keyword',
  'cylance.detection.detector.version': 'keyword',
  'cylance.detection.product.name': 'keyword',
  'cylance.detection.product.version': 'keyword',
  'cylance.detection.rule_operating_systems': 'keyword',
  'cylance.detection.rule_tags': 'keyword',
  'cylance.detection.rule_other': 'flattened',
  ...targetProcess('cylance.detection.target_process'),
  ...targetProcess('cylance.detection.target_process.parent'),
  'cylance.detection.target_process.user.id': 'keyword',
  'cylance.detection.target_process.user.name': 'keyword',
  'cylance.detection.target_process.user.domain': 'keyword',
  'cylance.detection.artifact_count': 'long',
  'cylance.detection.artifacts.uid': 'keyword',
  'cylance.detection.artifacts.type': 'keyword',
  'cylance.detection.artifacts.properties': 'flattened',
  'cylance.detection.artifacts_of_interest.state': 'keyword',
  'cylance.detection.artifacts_of_interest.source': 'keyword',
  'cylance.detection.artifacts_of_interest.uid': 'keyword',
  'cylance.detection.artifacts_of_interest.type': 'keyword',
  'cylance.detection.involved_artifacts': 'flattened',
  'cylance.detection.trace': 'flattened',
  'cylance.detection.context': 'flattened',
  'cylance.detection.applied_exceptions.id': 'keyword',
  'cylance.detection.applied_exceptions.name': 'keyword',
  'cylance.detection.applied_exceptions.version': 'keyword',
  'cylance.detection.applied_exceptions.other': 'flattened',
  'cylance.detection.responses.status': 'keyword',
  'cylance.detection.responses.comment': 'match_only_text',
  'cylance.detection.responses.tenant_id': 'keyword',
  'cylance.detection.responses.phonetic_id': 'keyword',
  'cylance.detection.responses.detection_id': 'keyword',
  'cylance.detection.responses.occurred': 'date',
  'cylance.detection.responses.received': 'date',
  'cylance.detection.responses.rule.id': 'keyword',
  'cylance.detection.responses.rule.version': 'keyword',
  'cylance.detection.responses.schema_version': 'long',
  'cylance.detection.responses.object_type': 'keyword',
  'cylance.detection.responses.actions.name': 'keyword',
  'cylance.detection.responses.actions.responder.name': 'keyword',
  'cylance.detection.responses.actions.responder.version': 'keyword',
  'cylance.detection.responses.actions.results.message': 'keyword',
  'cylance.detection.responses.actions.results.code.name': 'keyword',
  'cylance.detection.responses.actions.results.code.reason': 'keyword',
  'cylance.detection.responses.actions.results.code.ordinal': 'long',
  'cylance.detection.responses.actions.results.other': 'flattened',
  'cylance.detection.responses.actions.other': 'flattened',
  'cylance.detection.responses.artifacts': 'flattened',
  'cylance.detection.responses.other': 'flattened',
  /** Members of the record that the guide does not know. */
  'cylance.detection.other': 'flattened',
  /** Values that did not fit the field they were meant for, by that field's name. */
  'cylance.detection.unfit': 'flattened',
};

const most = { 'cylance.detection.artifacts_of_interest': MAX_INTERESTS };

export const fields: FieldList = { prefix: 'cylance.detection', custom, ecs, most };
