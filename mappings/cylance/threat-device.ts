/**
 * Files that are threats, where they were found: one row of "Get threat devices" for each device and path, with its
 * threat beside it. A finding of CylancePROTECT is an `event`; alerts are detections alone, and rows of years ago come
 * with the first reading.
 */
import * as tables from '../../members/cylance/threat-device.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  type FieldList,
  type Fields,
  filled,
  flat,
  isRecord,
  keyword,
  put,
  type Related,
  reader,
  type Unfit,
} from '../ecs.ts';
import {
  alone,
  conclude,
  decimal,
  EVERY_DOCUMENT,
  flagOf,
  hostOf,
  isTrusted,
  judge,
  moment,
  originOf,
  PROTECT,
  pick,
  putAddresses,
  stateOf,
  title,
} from './shared/base.ts';
import { fileAlone } from './shared/places.ts';

const PREFIX = 'cylance.threat_device';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    /** `Default` (unsafe), `Quarantined`, `Whitelisted`, `Suspicious`, `File Removed`, `Corrupt`. */
    'cylance.threat_device.file_status': 'keyword',
    /** Of the device. */
    'cylance.threat_device.state': 'keyword',
    'cylance.threat_device.device_id': 'keyword',
    'cylance.threat_device.policy_id': 'keyword',
    'cylance.threat_device.threat.name': 'keyword',
    'cylance.threat_device.threat.classification': 'keyword',
    'cylance.threat_device.threat.sub_classification': 'keyword',
    /** The vendor's own, from 1 to -1, which is surely a threat. */
    'cylance.threat_device.threat.score': 'float',
    'cylance.threat_device.threat.safelisted': 'boolean',
    /** Members of the row that the vendor's page does not know. */
    'cylance.threat_device.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.threat_device.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.risk_score',
    'agent.version',
    'host.id',
    'host.name',
    'host.ip',
    'host.mac',
    'file.directory',
    'file.extension',
    'file.hash.md5',
    'file.hash.sha256',
    'file.name',
    'file.path',
    'file.type',
    'related.hash',
    'related.hosts',
    'related.ip',
  ],
};

const rowOf = reader(tables.members);
type Row = ReturnType<typeof rowOf>;
const threatOf = reader(tables.Threat);
type Threat = ReturnType<typeof threatOf>;

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const row = rowOf(record);
  const threat = threatOf(row.Threat);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const event: Fields = { kind: 'event', category: ['malware', 'file'], type: ['info'], module: 'cylance' };
  event.dataset = PREFIX;
  const found = moment(unfit, '@timestamp', row.date_found);
  const origin = originOf(source, undefined, PROTECT);
  const document: EcsDocument = { '@timestamp': found, ...origin, event };
  const host = hostOf(row.id, row.name, unfit, own, related) ?? {};
  putAddresses(host, row.ip_addresses, row.mac_addresses, unfit, related);
  put(document, 'host', filled(host));
  const agent: Fields = {};
  put(agent, 'version', keyword(unfit, 'agent.version', row.agent_version));
  put(document, 'agent', filled(agent));
  const file = fileOf(row, threat, unfit, related);
  put(document, 'file', file);
  put(own, 'file_status', keyword(unfit, `${PREFIX}.file_status`, alone(row.file_status)));
  put(own, 'state', stateOf(unfit, `${PREFIX}.state`, row.state));
  put(own, 'policy_id', keyword(unfit, `${PREFIX}.policy_id`, row.policy_id));
  put(own, 'threat', judgement(threat, event, unfit, own.file_status));
  document.message = titleOf(file ?? {}, host, own);
  if (row.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, row.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** The file as it lies there; one without a path is called as the threat is. */
function fileOf(row: Row, threat: Threat, unfit: Unfit, related: Related): Fields | undefined {
  const name = row.file_path === undefined ? threat.name : undefined;
  const facts = { Path: row.file_path, Name: name, Md5: threat.md5, Sha256: threat.sha256 };
  return fileAlone(facts, unfit, related);
}

/** What a device, or the whole tenant, lets run. */
const ALLOWED: ReadonlySet<unknown> = new Set(['whitelisted', 'safelisted', 'waived', 'allowed', 'trusted']);

function judgement(threat: Threat, event: Fields, unfit: Unfit, status: unknown): Fields | undefined {
  const result: Fields = {};
  for (const member of ['name', 'classification', 'sub_classification'] as const)
    put(result, member, keyword(unfit, `${PREFIX}.threat.${member}`, alone(threat[member])));
  const score = decimal(unfit, `${PREFIX}.threat.score`, threat.cylance_score);
  put(result, 'score', score);
  const isAllowed = typeof status === 'string' && ALLOWED.has(status.toLowerCase());
  const safelisted = flagOf(unfit, `${PREFIX}.threat.safelisted`, threat.safelisted);
  put(result, 'safelisted', safelisted);
  judge(event, score, isAllowed || safelisted === true || isTrusted(result.classification));
  return filled(result);
}

/** Of `Default` the vendor says that it means unsafe. */
function titleOf(file: Fields, host: Fields, own: Fields): string {
  const word = String(own.file_status ?? '').toLowerCase();
  const status = word === '' ? '' : ` (${word === 'default' ? 'unsafe' : word})`;
  return title(`${file.name ?? file.path ?? 'A threat'} on ${host.name ?? host.id ?? 'a device'}${status}`);
}
