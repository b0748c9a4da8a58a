/**
 * Focus views: the guide's "Get Focus View List" and "Get a Focus View Summary" (the same members), and the tombstone of
 * one that is gone. Somebody had the trail of an artifact put together: like an InstaQuery it is a person's doing in the
 * console and never an alert. A record says how far that is; one document per status that was seen.
 */
import { members } from '../../members/cylance/focus-view.ts';
import { type Fields, filled, put, text, truth } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { below, type Draft, mappingOf } from '../ecs-frame.ts';
import { machineOf, OPTICS, relationsAt, whereOf } from './shared/base.ts';
import { kindOf } from './shared/facts.ts';

const PREFIX = 'cylance.focus_view';

const relationPart = relationsAt(PREFIX);

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'id',
    created: 'created_at',
    event: { kind: 'event', category: ['configuration'], type: ['info'], provider: 'FocusView' },
    tenant: (view) => view.tenant_id,
    own: {
      status: ['keyword', 'status'],
      description: ['match_only_text', 'description'],
      artifact_type: ['keyword', 'artifact_type'],
      artifact_subtype: ['keyword', 'artifact_subtype'],
      /** The Uid of the artifact, or the id of the Protect event. */
      value: ['keyword', 'value'],
      threat_type: ['keyword', 'threat_type'],
      tenant_id: ['keyword', 'tenant_id'],
      device_id: 'keyword',
      /** The ids that the URLs of the relations end in, to join on the event.id of the other streams. */
      'related.query_id': 'keyword',
      'related.detection_id': 'keyword',
      'related.focus_view_id': 'keyword',
    },
    parts: [relationPart],
    ecs: [
      ...below('event', ['outcome', 'provider', 'created']),
      ...below('host', ['id', 'name', 'hostname']),
      'process.entity_id',
      'related.hosts',
    ],
  },
  (draft, view) => {
    const { id, document, event, own, unfit } = draft;
    put(document, 'host', machineOf(draft, view.device_id, view.hostname));
    // A process is named as in detections and results of InstaQueries, so that they join.
    const { value, artifact_type: type } = own;
    if (value !== undefined && kindOf(String(type ?? '')) === 'process') document.process = { entity_id: value };
    const relations = relationPart.items(unfit, view.relations);
    put(own, 'relations', relations);
    put(own, 'related', filled(idsOf(relations ?? [])));
    if (truth(unfit, 'event.type', view.Deleted) === true) {
      event.type = ['deletion'];
      return `Focus view ${title(id)} was deleted`;
    }
    event.outcome = OUTCOMES.get(String(own.status).toUpperCase()) ?? 'unknown';
    return titleOf(draft);
  },
);

/** The outcome of REQUEST and PENDING is still open. RETRY_REQUEST: "previously requested but no results were received". */
const OUTCOMES: ReadonlyMap<string, string> = new Map([
  ['AVAILABLE', 'success'],
  ['DONE', 'success'],
  ['RETRY_REQUEST', 'failure'],
  ['DOES_NOT_EXIST', 'failure'],
  ['UNAVAILABLE', 'failure'],
  ['UNKNOWN_DEVICE', 'failure'],
]);

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

function titleOf(draft: Draft): string {
  const words = ['Focus view', text(draft.own.description) ?? draft.id];
  const where = whereOf(draft);
  if (where !== undefined) words.push('on', where);
  const status = text(draft.own.status)?.toLowerCase().replaceAll('_', ' ');
  return title(words.join(' ') + (status === undefined ? '' : `: ${status}`));
}
