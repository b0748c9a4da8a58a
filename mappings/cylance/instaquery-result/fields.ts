/** Every field that the document of an InstaQuery's result can have: the index templates are made from it. */
import type { EcsField, FieldList } from '../../ecs.ts';
import { below, END, HASHES, PE, PROCESS, SIGNATURE } from '../detection/fields.ts';

const ecs: EcsField[] = [
  '@timestamp',
  'ecs.version',
  'message',
  'tags',
  ...below('event', ['kind', 'category', 'type', 'module', 'dataset', 'provider', 'id']),
  ...below('event', ['created', 'start', 'end', 'original']),
  ...below('observer', ['vendor', 'product']),
  'organization.id',
  ...below('host', ['id', 'name']),
  ...below('process', PROCESS),
  ...below('user', ['id', 'name', 'domain']),
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
  ...below('registry', ['hive', 'key', 'path', 'value', 'data.strings', 'data.type']),
  ...below('destination', END),
  ...below('source', END),
  ...below('network', ['transport', 'type']),
  ...below('related', ['hosts', 'ip', 'user', 'hash']),
];

export const fields: FieldList = {
  prefix: 'cylance.instaquery_result',
  custom: {
    'cylance.instaquery_result.query.id': 'keyword',
    'cylance.instaquery_result.query.name': 'keyword',
    'cylance.instaquery_result.correlation_id': 'keyword',
    'cylance.instaquery_result.version': 'keyword',
    'cylance.instaquery_result.device_id': 'keyword',
    'cylance.instaquery_result.uid': 'keyword',
    'cylance.instaquery_result.type': 'keyword',
    'cylance.instaquery_result.suspected_file_type': 'keyword',
    'cylance.instaquery_result.is_being_debugged': 'boolean',
    'cylance.instaquery_result.is_persistence_point': 'boolean',
    /** The image of the process, or of the process that made the connection. */
    'cylance.instaquery_result.image_uid': 'keyword',
    'cylance.instaquery_result.owner_uid': 'keyword',
    /** The file that a registry value names. */
    'cylance.instaquery_result.file_uid': 'keyword',
    /** All that the vendor says of the artifact, in its own words. */
    'cylance.instaquery_result.properties': 'flattened',
    /** Members of the record that the guide does not know. */
    'cylance.instaquery_result.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.instaquery_result.unfit': 'flattened',
  },
  ecs,
};
