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
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  type Fields,
  filled,
  flat,
  isRecord,
  keyword,
  misfit,
  parsed,
  put,
  type Related,
  reader,
  tellCut,
  text,
  type Unfit,
} from '../ecs.ts';
import { companionsOf, findArtifacts, isArtifact, subjectOf } from './focus-view-result/cast.ts';
import { fields } from './focus-view-result/fields.ts';
import type { Artifact, Cast } from './shared/artifacts.ts';
import { conclude, hostOf, moment, originOf, pick, title } from './shared/base.ts';
import { parentAt, placeAt, relate } from './shared/places.ts';
import { CATEGORIES, resultAt, WORDS } from './shared/results.ts';

export { fields } from './focus-view-result/fields.ts';

const PREFIX = fields.prefix;
const PARENT = placeAt('process.parent');

const recordOf = reader(tables.members);
const viewOf = reader(tables.FocusView);
type View = ReturnType<typeof viewOf>;

const aroundOf = reader(tables.around);
type Around = ReturnType<typeof aroundOf>;

const observedOf = reader(tables.observed);

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const { Entry, Result, FocusView, others } = recordOf(record);
  const given = Entry ?? Result;
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const view = viewOf(FocusView);
  const around = aroundOf(parsed(given));
  const content = parsed(around.Result) ?? parsed(given) ?? given;
  if (!isRecord(content) && !Array.isArray(content)) misfit(unfit, `${PREFIX}.content`, content);
  const cast = findArtifacts(content);
  const subject = subjectOf(cast, content, text(view.value), text(view.artifact_type));
  const [category, type] = CATEGORIES.get(subject?.kind) ?? ['host', 'info'];
  const event: Fields = { kind: 'event', category: [category], type: [type], module: 'cylance', dataset: PREFIX };
  event.provider = 'FocusView';
  const document: EcsDocument = { ...originOf(source), event };
  times(document, event, { around, content, view, subject }, unfit);
  const device = around.DeviceId ?? view.device_id;
  put(document, 'host', hostOf(device, around.HostName ?? view.hostname, unfit, own, related));
  common(view, around, unfit, own);
  const label = artifactsAt(document, cast, subject, { unfit, own, related });
  document.message = titleOf(document, own, label);
  put(own, 'content', flat(unfit, `${PREFIX}.content`, parsed(given) ?? given));
  if (others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

interface Dated {
  around: Around;
  content: unknown;
  view: View;
  subject: Artifact | undefined;
}

/** Ways to date a result, best first, with the tag of each. What results of InstaQueries are dated by needs none. */
function times(document: EcsDocument, event: Fields, { around, content, view, subject }: Dated, unfit: Unfit): void {
  const observed = observedOf(content);
  const happened = moment(unfit, '@timestamp', observed.EventTime ?? around.EventTime);
  const first = moment(unfit, 'event.start', observed.FirstObserved);
  const last = moment(unfit, 'event.end', observed.LastObserved);
  const reported = moment(unfit, 'event.created', around.ReportTime);
  const made = moment(unfit, `${PREFIX}.view.created_at`, view.created_at);
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

function common(view: View, around: Around, unfit: Unfit, own: Fields): void {
  const said: Fields = {};
  for (const name of ['id', 'description', 'artifact_type', 'value', 'threat_type'] as const) {
    put(said, name, keyword(unfit, `${PREFIX}.view.${name}`, view[name]));
  }
  put(said, 'created_at', moment({}, '', view.created_at));
  put(own, 'view', filled(said));
  put(own, 'correlation_id', keyword(unfit, `${PREFIX}.correlation_id`, around.CorrelationId));
}

interface Parts {
  unfit: Unfit;
  own: Fields;
  related: Related;
}

/** Puts the subject into the document, and beside it what can be told without a doubt. Returns what people call it. */
function artifactsAt(
  document: EcsDocument,
  cast: Cast,
  subject: Artifact | undefined,
  { unfit, own, related }: Parts,
): string {
  const setting = { prefix: PREFIX, cast };
  let label = '';
  if (subject !== undefined) {
    put(own, 'uid', subject.uid);
    put(own, 'type', keyword(unfit, `${PREFIX}.type`, subject.type));
    label = named(subject, resultAt(document, subject, unfit, own, related, setting));
  }
  for (const companion of companionsOf(cast, subject)) {
    const aside = {} as EcsDocument;
    const said = resultAt(aside, companion, unfit, {}, related, setting);
    for (const [member, value] of Object.entries(aside)) document[member] ??= value;
    if (label === '') label = named(companion, said);
  }
  parentOf(document, cast, subject, unfit);
  relate(cast, related);
  if (cast.artifacts.length === 0) return label;
  const kinds = cast.artifacts.flatMap(({ type }) => type ?? []);
  const uids = cast.artifacts.flatMap(({ uid }) => uid ?? []);
  own.artifacts = { count: cast.count };
  tellCut(unfit, `${PREFIX}.artifacts`, cast.artifacts.length, cast.count);
  put(own.artifacts as Fields, 'type', [...new Set(kinds)].sort());
  put(own.artifacts as Fields, 'uid', [...new Set(uids)].sort());
  return label;
}

function parentOf(document: EcsDocument, cast: Cast, subject: Artifact | undefined, unfit: Unfit): void {
  const process = document.process as Fields | undefined;
  if (subject?.kind !== 'process' || process === undefined) return;
  put(process, 'parent', parentAt(unfit, PARENT, cast, subject.facts));
}

function named({ kind, type }: Artifact, label: string | undefined): string {
  return label === undefined || label === '' ? '' : `${WORDS.get(kind) ?? type ?? 'artifact'} ${label}`;
}

function titleOf(document: EcsDocument, own: Fields, label: string): string {
  const host = document.host as { name?: string; id?: string } | undefined;
  const view = own.view as { description?: string; id?: string } | undefined;
  const words = label === '' ? ['Focus view', view?.description ?? view?.id ?? ''] : ['Focus view shows', label];
  const where = text(host?.name ?? host?.id);
  if (where !== undefined) words.push('on', where);
  return title(words.filter((word) => word !== '').join(' '));
}
