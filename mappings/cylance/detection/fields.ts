/** The fields of a detection: below its prefix, and of the dictionary. */
import type { members } from '../../../members/cylance/detection.ts';
import { type CustomType, type EcsField, keywords, opened, text, type Unfit } from '../../ecs.ts';
import { flat } from '../../ecs-flat.ts';
import { below, type Own } from '../../ecs-frame.ts';
import { ARTIFACTS, MODULE, PROCESS } from '../shared/artifact-fields.ts';
import { ATTACK } from '../shared/threats.ts';

/** What the members of a process are under the prefix: as in the dictionary, but for the command line. */
function targetProcess(prefix: string): Record<string, CustomType> {
  const types: Record<string, CustomType> = {
    pid: 'long',
    exit_code: 'long',
    args_count: 'long',
    start: 'date',
    end: 'date',
    command_line: 'wildcard',
    'code_signature.exists': 'boolean',
    'code_signature.valid': 'boolean',
    'code_signature.timestamp': 'date',
  };
  return Object.fromEntries(PROCESS.map((name) => [`${prefix}.${name}`, types[name] ?? 'keyword']));
}

/** A part as it came; a gateway in between may hand it on as JSON in a text. */
function openedFlat(unfit: Unfit, field: string, value: unknown): unknown {
  return flat(unfit, field, opened(value));
}

/** A text whose misfits another field reports, which takes the same member. */
function said(_unfit: Unfit, _field: string, value: unknown): string | undefined {
  return text(value);
}

export const own: Own<keyof typeof members> = {
  severity: 'keyword',
  severity_sort_level: ['long', 'SeveritySortLevel'],
  status: ['keyword', 'Status'],
  /** Put by the engine, as `event.end` and `event.duration`: what the documents before it said. */
  status_before: 'keyword',
  end_precision: 'long',
  status_sort_level: ['long', 'StatusSortLevel'],
  phonetic_id: ['keyword', 'PhoneticId'],
  tenant_id: ['keyword', 'TenantId'],
  device_id: 'keyword',
  device_other: 'flattened',
  name: ['keyword', 'Name', said],
  description: ['keyword', 'DetectionDescription', said],
  comment: ['match_only_text', 'Comment'],
  object_type: ['keyword', 'ObjectType'],
  schema_version: ['long', 'SchemaVersion'],
  zone_ids: ['keyword', 'ZoneIds', keywords],
  deleted: ['boolean', 'Deleted', (_unfit, _field, value) => value === true || value === 'true' || undefined],
  process_role: 'keyword',
  'detector.name': 'keyword',
  'detector.version': 'keyword',
  'product.name': 'keyword',
  'product.version': 'keyword',
  rule_operating_systems: 'keyword',
  rule_tags: 'keyword',
  rule_other: 'flattened',
  ...targetProcess('target_process'),
  ...targetProcess('target_process.parent'),
  'target_process.user.id': 'keyword',
  'target_process.user.name': 'keyword',
  'target_process.user.domain': 'keyword',
  artifact_count: 'long',
  'artifacts.uid': 'keyword',
  'artifacts.type': 'keyword',
  'artifacts.properties': 'flattened',
  'artifacts_of_interest.state': 'keyword',
  'artifacts_of_interest.source': 'keyword',
  'artifacts_of_interest.uid': 'keyword',
  'artifacts_of_interest.type': 'keyword',
  involved_artifacts: ['flattened', 'InvolvedArtifacts', openedFlat],
  trace: ['flattened', 'Trace', openedFlat],
  context: ['flattened', 'Context', openedFlat],
};

export const ecs: readonly EcsField[] = [
  ...below('event', ['created', 'start', 'end', 'duration', 'severity', 'risk_score', 'reason', 'provider', 'url']),
  'observer.version',
  ...below('host', ['id', 'name', 'hostname', 'ip', 'mac', 'os.type', 'os.name', 'os.full', 'os.version']),
  ...below('rule', ['id', 'name', 'description', 'category', 'version', 'ruleset']),
  ...ATTACK,
  ...ARTIFACTS,
  ...below('process.parent', PROCESS),
  ...below('user.target', ['id', 'name', 'domain']),
  ...MODULE,
  'dns.question.name',
];
