/**
 * Focus views: the guide's "Get Focus View List" and "Get a Focus View Summary" (the same members), and the tombstone of
 * one that is gone. Somebody had the trail of an artifact put together: like an InstaQuery it is a person's doing in the
 * console and never an alert. A record says how far that is; one document per status that was seen.
 */
import { members } from '../../members/cylance/focus-view.ts';
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
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { kindOf } from './shared/artifacts.ts';
import { conclude, EVERY_DOCUMENT, hostOf, itemsOf, moment, originOf, pick, title } from './shared/base.ts';

const PREFIX = 'cylance.focus_view';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.focus_view.status': 'keyword',
    'cylance.focus_view.description': 'match_only_text',
    'cylance.focus_view.artifact_type': 'keyword',
    'cylance.focus_view.artifact_subtype': 'keyword',
    /** The Uid of the artifact, or the id of the Protect event. */
    'cylance.focus_view.value': 'keyword',
    'cylance.focus_view.threat_type': 'keyword',
    'cylance.focus_view.tenant_id': 'keyword',
    'cylance.focus_view.device_id': 'keyword',
    'cylance.focus_view.relations.object': 'keyword',
    'cylance.focus_view.relations.relationship': 'keyword',
    'cylance.focus_view.relations.other': 'flattened',
    /** The ids that the URLs of the relations end in, to join on the event.id of the other streams. */
    'cylance.focus_view.related.query_id': 'keyword',
    'cylance.focus_view.related.detection_id': 'keyword',
    'cylance.focus_view.related.focus_view_id': 'keyword',
    /** Members of the record that the guide does not know. */
    'cylance.focus_view.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.focus_view.unfit': 'flattened',
  },
  ecs: [
    ...EVERY_DOCUMENT,
    'event.outcome',
    'event.provider',
    'event.created',
    'host.id',
    'host.name',
    'process.entity_id',
    'related.hosts',
  ],
};

const viewOf = reader(members);
type View = ReturnType<typeof viewOf>;

const relationOf = reader({ object: [], relationship: [] });

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const view = viewOf(record);
  const id = text(view.id);
  if (id === undefined) throw new Error('the record has no id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const created = moment(unfit, '@timestamp', view.created_at);
  const event: Fields = { kind: 'event', category: ['configuration'], type: ['info'], module: 'cylance' };
  event.dataset = PREFIX;
  event.provider = 'FocusView';
  event.id = id;
  put(event, 'created', created);
  const document: EcsDocument = { '@timestamp': created, ...originOf(source, view.tenant_id), event };
  put(document, 'host', hostOf(view.device_id, view.hostname, unfit, own, related));
  asked(view, unfit, own, document);
  const status = keyword(unfit, `${PREFIX}.status`, view.status);
  put(own, 'status', status);
  put(own, 'tenant_id', keyword(unfit, `${PREFIX}.tenant_id`, view.tenant_id));
  if (truth(unfit, 'event.type', view.Deleted) === true) {
    event.type = ['deletion'];
    document.message = `Focus view ${title(id)} was deleted`;
  } else {
    event.outcome = OUTCOMES.get(status?.toUpperCase() ?? '') ?? 'unknown';
    document.message = titleOf(id, document, own);
  }
  if (view.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, view.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** Of REQUEST and PENDING nobody knows yet. RETRY_REQUEST: "previously requested but no results were received". */
const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['AVAILABLE', 'success'],
  ['DONE', 'success'],
  ['RETRY_REQUEST', 'failure'],
  ['DOES_NOT_EXIST', 'failure'],
  ['UNAVAILABLE', 'failure'],
  ['UNKNOWN_DEVICE', 'failure'],
]);

/** What the view is of. A process is named as in detections and results of InstaQueries, so that they join. */
function asked(view: View, unfit: Unfit, own: Fields, document: EcsDocument): void {
  put(own, 'description', keyword(unfit, `${PREFIX}.description`, view.description));
  const type = keyword(unfit, `${PREFIX}.artifact_type`, view.artifact_type);
  put(own, 'artifact_type', type);
  put(own, 'artifact_subtype', keyword(unfit, `${PREFIX}.artifact_subtype`, view.artifact_subtype));
  const value = keyword(unfit, `${PREFIX}.value`, view.value);
  put(own, 'value', value);
  put(own, 'threat_type', keyword(unfit, `${PREFIX}.threat_type`, view.threat_type));
  if (value !== undefined && type !== undefined && kindOf(type) === 'process') document.process = { entity_id: value };
  const names = ['object', 'relationship'] as const;
  const relations = itemsOf(unfit, `${PREFIX}.relations`, view.relations, relationOf, names, 'object');
  put(own, 'relations', relations);
  put(own, 'related', filled(idsOf(relations ?? [])));
}

/** Words of an URL that say what it is of: `/survey/…` and `/focus/…` in the guide, the paths of the API elsewhere. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['survey', 'query_id'],
  ['surveys', 'query_id'],
  ['instaquery', 'query_id'],
  ['instaqueries', 'query_id'],
  ['detection', 'detection_id'],
  ['detections', 'detection_id'],
  ['focus', 'focus_view_id'],
  ['foci', 'focus_view_id'],
]);
/** Hex digits with or without dashes, and whatever else is long enough and has a digit: `survey_id` in the guide is no id. */
const ID = /^(?=.*\d)[\w-]{8,64}$/;

function idsOf(relations: readonly Fields[]): Fields {
  const found = new Map<string, Set<string>>();
  for (const { object } of relations) {
    if (typeof object !== 'string' || object.length > 500) continue;
    const steps = object.split(/[/?#]/);
    for (const [at, step] of steps.entries()) {
      const kind = KINDS.get(step.toLowerCase());
      const id = steps.slice(at + 1).find((part) => part !== '' && !/^v\d$/i.test(part));
      if (kind === undefined || id === undefined || !ID.test(id)) continue;
      found.set(kind, (found.get(kind) ?? new Set()).add(id));
    }
  }
  return Object.fromEntries([...found].map(([kind, ids]) => [kind, [...ids]]));
}

function titleOf(id: string, document: EcsDocument, own: Fields): string {
  const host = document.host as { name?: string; id?: string } | undefined;
  const words = ['Focus view', text(own.description) ?? id];
  const where = host?.name ?? host?.id;
  if (where !== undefined) words.push('on', where);
  const status = text(own.status)?.toLowerCase().replaceAll('_', ' ');
  return title(words.join(' ') + (status === undefined ? '' : `: ${status}`));
}
