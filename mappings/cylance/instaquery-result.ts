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
import { type Fields, keyword, type Members, misfit, parsed, put, reader, text, type Unfit } from '../ecs.ts';
import { moment, title } from '../ecs-document.ts';
import { flat } from '../ecs-flat.ts';
import { below, type Draft, mappingOf, partOf, rest } from '../ecs-frame.ts';
import { ARTIFACTS } from './shared/artifact-fields.ts';
import type { Artifact } from './shared/artifacts.ts';
import { machineOf, merged, OPTICS, whereOf } from './shared/base.ts';
import { factsOf, kindOf } from './shared/facts.ts';
import { ALONE, CATEGORIES, resultAt, settingAt, WORDS } from './shared/results.ts';

const PREFIX = 'cylance.instaquery_result';
const SETTING = { ...settingAt(PREFIX), roles: ALONE };

type Entry = Members<keyof typeof tables.members>;

const resultOf = reader(tables.Result);
type Result = ReturnType<typeof resultOf>;

const queryPart = partOf({
  at: `${PREFIX}.query`,
  members: tables.Query,
  own: { id: ['keyword', 'Id'], name: ['keyword', 'Name'] },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members: tables.members,
    event: { kind: 'event', provider: 'InstaQuery' },
    own: {
      correlation_id: ['keyword', 'CorrelationId'],
      version: ['keyword', 'Version'],
      device_id: 'keyword',
      /** All that the vendor says of the artifact, in its own words. */
      properties: 'flattened',
    },
    parts: [queryPart, SETTING.own],
    ecs: [
      ...below('event', ['provider', 'created', 'start', 'end']),
      ...below('host', ['id', 'name', 'hostname']),
      ...ARTIFACTS,
    ],
  },
  (draft, entry) => {
    const { document, event, own, unfit } = draft;
    const given = parsed(entry.Result);
    if (given === undefined) misfit(unfit, `${PREFIX}.result`, entry.Result);
    const result = resultOf(given);
    const artifact = artifactOf(unfit, given, result);
    const [category, type] = CATEGORIES.get(artifact.kind) ?? ['host', 'info'];
    event.category = [category];
    event.type = [type];
    times(draft, entry, result, artifact);
    put(document, 'host', machineOf(draft, entry.DeviceId, entry.HostName));
    put(own, 'query', queryPart.of(unfit, entry.Query));
    put(own, 'type', artifact.type);
    put(own, 'uid', artifact.uid);
    const label = resultAt(draft, artifact, SETTING);
    if (label === undefined) tag(draft, 'artifact_type_unknown');
    put(own, 'properties', flat(unfit, `${PREFIX}.properties`, artifact.members));
    return titleOf(draft, artifact, label);
  },
);

/** `Properties` is an object, or JSON in a string; members beside it that the guide does not know belong to it. */
function artifactOf(unfit: Unfit, given: Fields | undefined, result: Result): Artifact {
  const properties = parsed(result.Properties);
  if (properties === undefined) misfit(unfit, `${PREFIX}.properties`, result.Properties);
  const members = merged(rest(given, result), properties);
  const type = keyword(unfit, `${PREFIX}.type`, result.Type);
  const uid = keyword(unfit, `${PREFIX}.uid`, result.Uid);
  const kind = type === undefined ? undefined : kindOf(type);
  return { uid, type, kind, facts: factsOf(kind, members), members };
}

/** Ways to date a result, best first, with the tag of each. The first one of a kind needs no tag. */
const FIRST = 'timestamp_is_first_observed';
const LAST = 'timestamp_is_last_observed';

function times(draft: Draft, entry: Entry, result: Result, artifact: Artifact): void {
  const { document, event, unfit } = draft;
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
  if (other !== undefined) tag(draft, isMoment ? LAST : FIRST);
  else if (started !== undefined) tag(draft, 'timestamp_is_process_start');
  else if (reported !== undefined) tag(draft, 'timestamp_is_report_time');
}

function tag({ document }: Draft, name: string): void {
  document.tags = [...((document.tags as string[] | undefined) ?? []), name];
}

/** What was found and where: the same for every query that finds it. */
function titleOf(draft: Draft, artifact: Artifact, label: string | undefined): string {
  const words = ['InstaQuery found', WORDS.get(artifact.kind) ?? artifact.type ?? 'an artifact'];
  if (label !== undefined && label !== '') words.push(label);
  const where = text(whereOf(draft));
  if (where !== undefined) words.push('on', where);
  return title(words.join(' '));
}
