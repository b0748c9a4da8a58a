/** Every field that the document of a footprint's event can have: the index templates are made from it. */
import type { EcsField, FieldList } from '../../ecs.ts';

const HASHES = ['hash.md5', 'hash.sha1', 'hash.sha256'] as const;
const SIGNATURE = ['code_signature.exists', 'code_signature.subject_name', 'code_signature.valid'] as const;
const PROCESS = ['entity_id', 'name', 'executable', 'pid', 'command_line', ...HASHES, ...SIGNATURE] as const;

function below(prefix: string, names: readonly string[]): EcsField[] {
  return names.map((name) => `${prefix}.${name}` as EcsField);
}

export const fields: FieldList = {
  prefix: 'apex_central.footprint',
  custom: {
    /** The two nodes of the chain that the event belongs to. */
    'apex_central.footprint.object_id': 'keyword',
    'apex_central.footprint.parent_id': 'keyword',
    'apex_central.footprint.event_id': 'keyword',
    'apex_central.footprint.meta_link_id': 'keyword',
    /** The vendor's numbers: their meanings are in the guide's lists of node and operation types. */
    'apex_central.footprint.object_type': 'long',
    'apex_central.footprint.object_name': 'keyword',
    'apex_central.footprint.operation_type': 'long',
    'apex_central.footprint.risk_level': 'long',
    'apex_central.footprint.node_image': 'long',
    'apex_central.footprint.is_symbol_event': 'boolean',
    'apex_central.footprint.rating.score': 'long',
    'apex_central.footprint.rating.meta_type': 'long',
    'apex_central.footprint.rating.has_invalid_signer': 'boolean',
    'apex_central.footprint.assessment.value': 'keyword',
    'apex_central.footprint.assessment.type': 'long',
    /** The link between the two nodes. */
    'apex_central.footprint.link.operation_type': 'long',
    'apex_central.footprint.link.time': 'date',
    'apex_central.footprint.group.number': 'long',
    'apex_central.footprint.group.time': 'date',
    'apex_central.footprint.parent.event_id': 'keyword',
    'apex_central.footprint.parent.meta_link_id': 'keyword',
    'apex_central.footprint.parent.object_type': 'long',
    'apex_central.footprint.parent.object_name': 'keyword',
    'apex_central.footprint.parent.operation_type': 'long',
    'apex_central.footprint.parent.time': 'date',
    'apex_central.footprint.parent.meta': 'flattened',
    'apex_central.footprint.parent.meta_hash_ids': 'flattened',
    'apex_central.footprint.scan_summary_guid': 'keyword',
    'apex_central.footprint.agent_guid': 'keyword',
    'apex_central.footprint.server_guid': 'keyword',
    'apex_central.footprint.server_name': 'keyword',
    /** As the list of endpoints says. */
    'apex_central.footprint.machine_guid': 'keyword',
    'apex_central.footprint.is_online': 'boolean',
    /** Hours east of Greenwich. */
    'apex_central.footprint.time_zone': 'float',
    /** Facts whose type has no field, by the number of the type. */
    'apex_central.footprint.meta': 'flattened',
    /** Which fact the event points at, by the number of the type. */
    'apex_central.footprint.meta_hash_ids': 'flattened',
    /** Members of the record that the guide does not know. */
    'apex_central.footprint.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'apex_central.footprint.unfit': 'flattened',
  },
  ecs: [
    '@timestamp',
    'ecs.version',
    'message',
    'tags',
    'error.message',
    ...below('event', ['kind', 'category', 'type', 'module', 'dataset', 'provider', 'id', 'original']),
    ...below('observer', ['vendor', 'product']),
    'organization.id',
    ...below('host', ['id', 'name', 'ip', 'os.full', 'os.type']),
    ...below('process', PROCESS),
    ...below('process.parent', PROCESS),
    ...below('user', ['name', 'domain']),
    ...below('file', ['name', 'path', 'directory', 'extension', 'type', ...HASHES, ...SIGNATURE]),
    ...below('related', ['hosts', 'ip', 'user', 'hash']),
  ],
};
