/**
 * What a focus view shows: the guide's "Get Focus View Results", one document for each entry of `result`, or one for all
 * of it where it is no list. "Parsing this data is beyond the scope" of the guide: artifacts are recognised where they
 * look like those of detections and InstaQueries, and everything is kept as it came in `content`.
 *
 * `@timestamp` is the time of the event where the content has one; else it is told from the observations of the
 * artifact as in results of InstaQueries, then from the start of the process, then from when the view was made. A tag
 * says which. It is a trail that somebody asked for, no alert.
 */
import * as tables from '../../members/cylance/focus-view-result.ts';
import type { EcsDocument } from '../../src/index.ts';
import { type Fields, isRecord, keyword, misfit, parsed, put, reader, tellCut, text } from '../ecs.ts';
import { moment, title } from '../ecs-document.ts';
import { flat } from '../ecs-flat.ts';
import { below, type Draft, mappingOf, partOf } from '../ecs-frame.ts';
import { companionsOf, findArtifacts, isArtifact, subjectOf } from './focus-view-result/artifacts.ts';
import { ARTIFACTS, PROCESS } from './shared/artifact-fields.ts';
import type { Artifact, Roles } from './shared/artifacts.ts';
import { machineOf, OPTICS, whereOf } from './shared/base.ts';
import { parentAt, placeAt, relate } from './shared/places.ts';
import { CATEGORIES, resultAt, settingAt, WORDS } from './shared/results.ts';

const PREFIX = 'cylance.focus_view_result';
const PARENT = placeAt('process.parent');
const SETTING = settingAt(PREFIX);

const aroundOf = reader(tables.around);
type Around = ReturnType<typeof aroundOf>;

const observedOf = reader(tables.observed);

const viewPart = partOf({
  at: `${PREFIX}.view`,
  members: tables.FocusView,
  own: {
    id: ['keyword', 'id'],
    description: ['match_only_text', 'description'],
    artifact_type: ['keyword', 'artifact_type'],
    value: ['keyword', 'value'],
    threat_type: ['keyword', 'threat_type'],
    created_at: ['date', 'created_at'],
  },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members: tables.members,
    event: { kind: 'event', provider: 'FocusView' },
    own: {
      device_id: 'keyword',
      correlation_id: 'keyword',
      /** How many artifacts were recognised in it, the kinds of them, and the ids of all. */
      'artifacts.count': 'long',
      'artifacts.type': 'keyword',
      'artifacts.uid': 'keyword',
      /** All that the vendor says, in its own words: of lists the first 200 items, all of it in event.original. */
      content: 'flattened',
    },
    parts: [viewPart, SETTING.own],
    ecs: [
      ...below('event', ['provider', 'created', 'start', 'end']),
      ...below('host', ['id', 'name', 'hostname']),
      ...ARTIFACTS,
      ...below('process.parent', PROCESS),
    ],
  },
  (draft, { Entry, Result, FocusView }) => {
    const { document, event, own, unfit } = draft;
    const given = Entry ?? Result;
    const view = viewPart.read(FocusView);
    const around = aroundOf(parsed(given));
    const content = parsed(around.Result) ?? parsed(given) ?? given;
    if (!isRecord(content) && !Array.isArray(content)) misfit(unfit, `${PREFIX}.content`, content);
    const roles = findArtifacts(content);
    const subject = subjectOf(roles, content, text(view.value), text(view.artifact_type));
    const [category, type] = CATEGORIES.get(subject?.kind) ?? ['host', 'info'];
    event.category = [category];
    event.type = [type];
    put(own, 'view', viewPart.of(unfit, FocusView, view));
    times(draft, { around, content, subject });
    put(document, 'host', machineOf(draft, around.DeviceId ?? view.device_id, around.HostName ?? view.hostname));
    put(own, 'correlation_id', keyword(unfit, `${PREFIX}.correlation_id`, around.CorrelationId));
    const label = artifactsAt(draft, roles, subject);
    put(own, 'content', flat(unfit, `${PREFIX}.content`, parsed(given) ?? given));
    return titleOf(draft, label);
  },
);

interface Dated {
  around: Around;
  content: unknown;
  subject: Artifact | undefined;
}

/** Ways to date a result, best first, with the tag of each. What results of InstaQueries are dated by needs none. */
function times({ document, event, own, unfit }: Draft, { around, content, subject }: Dated): void {
  const observed = observedOf(content);
  const happened = moment(unfit, '@timestamp', observed.EventTime ?? around.EventTime);
  const first = moment(unfit, 'event.start', observed.FirstObserved);
  const last = moment(unfit, 'event.end', observed.LastObserved);
  const reported = moment(unfit, 'event.created', around.ReportTime);
  const { created_at: made } = (own.view ?? {}) as { created_at?: string };
  put(event, 'start', first);
  put(event, 'end', last);
  put(event, 'created', reported);
  // A trail is not dated by one of its artifacts. A start that is no date is reported by the process.
  const started = isArtifact(content) ? moment({}, '', subject?.facts.StartDateTime) : undefined;
  const isMoment = subject?.kind === 'process' || subject?.kind === 'network';
  const ways: [string | undefined, string | undefined][] = [
    [happened, undefined],
    [isMoment ? first : last, undefined],
    [isMoment ? last : first, isMoment ? 'timestamp_is_last_observed' : 'timestamp_is_first_observed'],
    [started, 'timestamp_is_process_start'],
    [reported, 'timestamp_is_report_time'],
    [made, 'timestamp_is_focus_view_created'],
  ];
  const [time, tag] = ways.find(([found]) => found !== undefined) ?? [];
  put(document, '@timestamp', time);
  if (tag !== undefined) document.tags = [tag];
}

/** Puts the subject into the document, and beside it the artifacts whose part is certain. Returns its name for people. */
function artifactsAt(draft: Draft, roles: Roles, subject: Artifact | undefined): string {
  const { document, own, unfit } = draft;
  const setting = { ...SETTING, roles };
  let label = '';
  if (subject !== undefined) {
    put(own, 'uid', subject.uid);
    put(own, 'type', keyword(unfit, `${PREFIX}.type`, subject.type));
    label = named(subject, resultAt(draft, subject, setting));
  }
  for (const companion of companionsOf(roles, subject)) {
    const aside: EcsDocument = {};
    const said = resultAt({ ...draft, document: aside, own: {} }, companion, setting);
    for (const [member, value] of Object.entries(aside)) document[member] ??= value;
    if (label === '') label = named(companion, said);
  }
  parentOf(draft, roles, subject);
  relate(roles, draft.related);
  if (roles.artifacts.length === 0) return label;
  const kinds = roles.artifacts.flatMap(({ type }) => type ?? []);
  const uids = roles.artifacts.flatMap(({ uid }) => uid ?? []);
  own.artifacts = { count: roles.count };
  tellCut(unfit, `${PREFIX}.artifacts`, roles.artifacts.length, roles.count);
  put(own.artifacts as Fields, 'type', [...new Set(kinds)].sort());
  put(own.artifacts as Fields, 'uid', [...new Set(uids)].sort());
  return label;
}

function parentOf({ document, unfit }: Draft, roles: Roles, subject: Artifact | undefined): void {
  const process = document.process as Fields | undefined;
  if (subject?.kind !== 'process' || process === undefined) return;
  put(process, 'parent', parentAt(unfit, PARENT, roles, subject.facts));
}

function named({ kind, type }: Artifact, label: string | undefined): string {
  return label === undefined || label === '' ? '' : `${WORDS.get(kind) ?? type ?? 'artifact'} ${label}`;
}

function titleOf(draft: Draft, label: string): string {
  const view = draft.own.view as { description?: string; id?: string } | undefined;
  const words = label === '' ? ['Focus view', view?.description ?? view?.id ?? ''] : ['Focus view shows', label];
  const where = text(whereOf(draft));
  if (where !== undefined) words.push('on', where);
  return title(words.filter((word) => word !== '').join(' '));
}
