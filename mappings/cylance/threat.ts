/**
 * Threats: files that CylancePROTECT judges as such, each once for the whole tenant. The list is an inventory, so a
 * document is an `asset`; what happened on a device is in `cylance.threat_device`. Category `malware` allows `info` only. A
 * tombstone says that the list does not have one any more.
 */
import { members } from '../../members/cylance/threat.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  type FieldList,
  type Fields,
  flat,
  isRecord,
  keyword,
  put,
  type Related,
  reader,
  truth,
  type Unfit,
} from '../ecs.ts';
import {
  alone,
  conclude,
  decimal,
  EVERY_DOCUMENT,
  flagOf,
  isTrusted,
  judge,
  moment,
  originOf,
  PROTECT,
  pick,
  title,
} from './shared/base.ts';
import { fileAlone } from './shared/places.ts';

const PREFIX = 'cylance.threat';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.threat.classification': 'keyword',
    'cylance.threat.sub_classification': 'keyword',
    /** The vendor's own, from 1 to -1, which is surely a threat. */
    'cylance.threat.score': 'float',
    'cylance.threat.av_industry': 'keyword',
    'cylance.threat.global_quarantined': 'boolean',
    'cylance.threat.safelisted': 'boolean',
    'cylance.threat.unique_to_cylance': 'boolean',
    'cylance.threat.last_found': 'date',
    /** True in the document of one that the list does not have any more. */
    'cylance.threat.deleted': 'boolean',
    /** Members of the record that have no field. */
    'cylance.threat.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.threat.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.risk_score',
    'file.directory',
    'file.extension',
    'file.hash.md5',
    'file.hash.sha256',
    'file.name',
    'file.path',
    'file.size',
    'file.type',
    'related.hash',
  ],
};

const threatOf = reader(members);
type Threat = ReturnType<typeof threatOf>;

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const threat = threatOf(record);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const event: Fields = { kind: 'asset', category: ['malware'], type: ['info'], module: 'cylance', dataset: PREFIX };
  // The only time that the list has. A flag that was set later is seen at the next look, and has no time of its own.
  const found = moment(unfit, '@timestamp', threat.last_found);
  const origin = originOf(source, undefined, PROTECT);
  const document: EcsDocument = { '@timestamp': found, ...origin, event };
  put(own, 'last_found', found);
  const file = fileOf(threat, unfit, related);
  put(document, 'file', file);
  judgement(threat, event, unfit, own);
  document.message = titleOf(file ?? {}, own);
  if (truth(unfit, `${PREFIX}.deleted`, threat.Deleted) === true) {
    own.deleted = true;
    document.message = title(`${document.message} is not listed any more`);
  }
  if (threat.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, threat.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

function fileOf(threat: Threat, unfit: Unfit, related: Related): Fields | undefined {
  const facts = { Name: threat.name, Md5: threat.md5, Sha256: threat.sha256, Size: threat.file_size };
  return fileAlone(facts, unfit, related);
}

function judgement(threat: Threat, event: Fields, unfit: Unfit, own: Fields): void {
  for (const member of ['classification', 'sub_classification', 'av_industry'] as const)
    put(own, member, keyword(unfit, `${PREFIX}.${member}`, alone(threat[member])));
  for (const member of ['global_quarantined', 'safelisted', 'unique_to_cylance'] as const)
    put(own, member, flagOf(unfit, `${PREFIX}.${member}`, threat[member]));
  const score = decimal(unfit, `${PREFIX}.score`, threat.cylance_score);
  put(own, 'score', score);
  judge(event, score, own.safelisted === true || isTrusted(own.classification));
}

/** What it is called, and what it is taken for. */
function titleOf(file: Fields, own: Fields): string {
  const hash = (file.hash ?? {}) as Fields;
  const name = file.name ?? hash.sha256 ?? 'an unnamed file';
  const kinds = [own.classification, own.sub_classification].filter((kind) => kind !== undefined);
  return title(kinds.length === 0 ? `Threat ${name}` : `Threat ${name}: ${kinds.join(' - ')}`);
}
