/**
 * What a device answered to an InstaQuery: the guide's "Get InstaQuery Results" and its newer wording ("Aurora Focus"),
 * one document for each entry of `result`, with the query beside it. A result says what is (or was) on the device; it is
 * no alert, whatever was looked for.
 *
 * `@timestamp`: a process and a connection happened when they were first observed (the guide: their last observation is
 * the same); a file, a registry value and anything else is dated by its last observation ("the last time a file was
 * interacted with"). Where that is missing or a sentinel, the other one serves, then the start of the process, then the
 * time of the report; a tag says which. `event.start` and `event.end` are the two observations, `event.created` is the
 * report, so that no time is lost.
 */
import * as tables from '../../members/cylance/instaquery-result.ts';
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
  text,
  type Unfit,
} from '../ecs.ts';
import { fields } from './instaquery-result/fields.ts';
import { type Artifact, factsOf, kindOf } from './shared/artifacts.ts';
import { conclude, hostOf, merged, moment, originOf, pick, title } from './shared/base.ts';
import { ALONE, CATEGORIES, resultAt, WORDS } from './shared/results.ts';

export { fields } from './instaquery-result/fields.ts';

const PREFIX = fields.prefix;
const SETTING = { prefix: PREFIX, cast: ALONE };

const entryOf = reader(tables.members);
type Entry = ReturnType<typeof entryOf>;

const resultOf = reader(tables.Result);
type Result = ReturnType<typeof resultOf>;

const queryOf = reader(tables.Query);

export const mapping: Mapping = (record, source) => {
  if (!isRecord(record)) throw new Error('the record is no object');
  const entry = entryOf(record);
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const given = parsed(entry.Result);
  if (given === undefined) misfit(unfit, `${PREFIX}.result`, entry.Result);
  const result = resultOf(given);
  const artifact = artifactOf(unfit, given, result);
  const [category, type] = CATEGORIES.get(artifact.kind) ?? ['host', 'info'];
  const event: Fields = { kind: 'event', category: [category], type: [type], module: 'cylance', dataset: PREFIX };
  event.provider = 'InstaQuery';
  const document: EcsDocument = { ...originOf(source), event };
  times(document, event, entry, result, artifact, unfit);
  put(document, 'host', hostOf(entry.DeviceId, entry.HostName, unfit, own, related));
  common(entry, artifact, unfit, own);
  const label = resultAt(document, artifact, unfit, own, related, SETTING);
  if (label === undefined) tag(document, 'artifact_type_unknown');
  document.message = titleOf(document, artifact, label);
  put(own, 'properties', flat(unfit, `${PREFIX}.properties`, artifact.members));
  if (entry.others !== undefined) put(own, 'other', flat(unfit, `${PREFIX}.other`, pick(record, entry.others)));
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** `Properties` is an object, or JSON in a string; members beside it that the guide does not know belong to it. */
function artifactOf(unfit: Unfit, given: Fields | undefined, result: Result): Artifact {
  const properties = parsed(result.Properties);
  if (properties === undefined) misfit(unfit, `${PREFIX}.properties`, result.Properties);
  const strays = given === undefined || result.others === undefined ? {} : pick(given, result.others);
  const members = merged(strays, properties);
  const type = keyword(unfit, `${PREFIX}.type`, result.Type);
  const uid = keyword(unfit, `${PREFIX}.uid`, result.Uid);
  const kind = type === undefined ? undefined : kindOf(type);
  return { uid, type, kind, facts: factsOf(kind, members), members };
}

/** Ways to date a result, best first, with the tag of each. The first one of a kind needs no tag. */
const FIRST = 'timestamp_is_first_observed';
const LAST = 'timestamp_is_last_observed';

function times(
  document: EcsDocument,
  event: Fields,
  entry: Entry,
  result: Result,
  artifact: Artifact,
  unfit: Unfit,
): void {
  const first = moment(unfit, 'event.start', result.FirstObserved);
  const last = moment(unfit, 'event.end', result.LastObserved);
  const reported = moment(unfit, 'event.created', entry.Timestamp);
  put(event, 'start', first);
  put(event, 'end', last);
  put(event, 'created', reported);
  const isMoment = artifact.kind === 'process' || artifact.kind === 'network';
  // A start that is no date is reported by the process, where it belongs.
  const started = artifact.kind === 'process' ? moment({}, '', artifact.facts.StartDateTime) : undefined;
  const own = isMoment ? first : last;
  if (own !== undefined) {
    document['@timestamp'] = own;
    return;
  }
  const other = isMoment ? last : first;
  const found = other ?? started ?? reported;
  put(document, '@timestamp', found);
  if (other !== undefined) tag(document, isMoment ? LAST : FIRST);
  else if (started !== undefined) tag(document, 'timestamp_is_process_start');
  else if (reported !== undefined) tag(document, 'timestamp_is_report_time');
}

function tag(document: EcsDocument, name: string): void {
  document.tags = [...((document.tags as string[] | undefined) ?? []), name];
}

function common(entry: Entry, artifact: Artifact, unfit: Unfit, own: Fields): void {
  const said = queryOf(entry.Query);
  const query: Fields = {};
  put(query, 'id', keyword(unfit, `${PREFIX}.query.id`, said.Id));
  put(query, 'name', keyword(unfit, `${PREFIX}.query.name`, said.Name));
  put(own, 'query', filled(query));
  put(own, 'correlation_id', keyword(unfit, `${PREFIX}.correlation_id`, entry.CorrelationId));
  put(own, 'version', keyword(unfit, `${PREFIX}.version`, entry.Version));
  put(own, 'type', artifact.type);
  put(own, 'uid', artifact.uid);
}

/** What was found and where: the same for every query that finds it. */
function titleOf(document: EcsDocument, artifact: Artifact, label: string | undefined): string {
  const host = document.host as { name?: string; id?: string } | undefined;
  const words = ['InstaQuery found', WORDS.get(artifact.kind) ?? artifact.type ?? 'an artifact'];
  if (label !== undefined && label !== '') words.push(label);
  const where = text(host?.name ?? host?.id);
  if (where !== undefined) words.push('on', where);
  return title(words.join(' '));
}
