/**
 * InstaQueries: the guide's "Get InstaQueries" and "Get InstaQuery" (the same members), and the tombstone of one that
 * is gone. A query is a person's doing in the console, never an alert: `configuration` is the category for what was set
 * up there, and `info` all that a record says, since it may be met long after the query was made.
 */
import * as tables from '../../members/cylance/instaquery.ts';
import {
  address,
  type HashKind,
  hashOf,
  keywords,
  listOf,
  type Members,
  misfit,
  parsed,
  put,
  type Related,
  truth,
} from '../ecs.ts';
import { type Draft, mappingOf, partOf, rest } from '../ecs-frame.ts';
import { count, entitled, OPTICS, relationsAt } from './shared/base.ts';

const PREFIX = 'cylance.instaquery';

type Query = Members<keyof typeof tables.members>;

const filterPart = partOf({
  at: `${PREFIX}.filters`,
  members: { aspect: [], value: [] },
  own: { aspect: ['keyword', 'aspect'], value: ['keyword', 'value'], other: 'flattened' },
  alone: 'value',
});
const relationPart = relationsAt(PREFIX);
const progressPart = partOf({
  at: `${PREFIX}.progress`,
  members: tables.progress,
  own: { queried: ['long', 'queried', count], responded: ['long', 'responded', count] },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members: tables.members,
    id: 'id',
    created: 'created_at',
    event: { kind: 'event', category: ['configuration'], type: ['info'], provider: 'InstaQuery' },
    own: {
      name: ['keyword', 'name'],
      description: ['match_only_text', 'description'],
      artifact: ['keyword', 'artifact'],
      match_value_type: ['keyword', 'match_value_type'],
      match_values: ['keyword', 'match_values', keywords],
      match_value_count: 'long',
      match_type: ['keyword', 'match_type'],
      case_sensitive: ['boolean', 'case_sensitive'],
      zones: ['keyword', 'zones', keywords],
      results_available: ['boolean', 'results_available'],
      archived: ['date', 'archived'],
      /** pending, running, finished, finished_without_hits or deleted; absent where the record does not tell. */
      state: 'keyword',
    },
    parts: [filterPart, relationPart, progressPart],
    ecs: ['event.created', 'event.outcome', 'event.provider', 'related.hash', 'related.ip'],
  },
  (draft, query) => {
    const { event, own, unfit, related } = draft;
    if (own.match_values !== undefined) {
      own.match_value_count = listOf(query.match_values).length;
      relate(own.match_value_type as string | undefined, own.match_values as string[], related);
    }
    put(own, 'filters', filterPart.items(unfit, query.filters));
    put(own, 'relations', relationPart.items(unfit, query.relations));
    const isDeleted = truth(unfit, `${PREFIX}.state`, query.Deleted) === true;
    put(own, 'state', isDeleted ? 'deleted' : undefined);
    answered(draft, query);
    if (!isDeleted && own.state !== undefined)
      event.outcome = String(own.state).startsWith('finished') ? 'success' : 'unknown';
    return entitled(draft, 'InstaQuery', own.name, isDeleted);
  },
);

/** Whole hashes and addresses that were looked for, so that a search for one finds the hunt. */
function relate(facet: string | undefined, values: readonly string[], related: Related): void {
  const folded = facet?.toLowerCase() ?? '';
  const kind: HashKind | undefined = folded.endsWith('md5')
    ? 'md5'
    : folded.endsWith('sha256') || folded.endsWith('sha2')
      ? 'sha256'
      : undefined;
  const isAddress = folded === 'destaddr' || folded === 'destinationaddress';
  if (kind === undefined && !isAddress) return;
  for (const value of values) {
    const found = kind === undefined ? address(value) : hashOf({}, '', kind, value);
    if (found !== undefined) (kind === undefined ? related.ip : related.hash).push(found);
  }
}

/** How far the query is. */
function answered({ own, other, unfit }: Draft, query: Query): void {
  const available = own.results_available as boolean | undefined;
  const given = parsed(query.progress);
  if (given === undefined) {
    misfit(unfit, `${PREFIX}.progress`, query.progress);
    if (available === true) own.state ??= 'running';
    return;
  }
  const said = progressPart.read(given);
  const progress = progressPart.of(unfit, given, said);
  put(own, 'progress', progress);
  put(other, 'progress', rest(given, said));
  const { queried, responded } = (progress ?? {}) as Record<string, number | undefined>;
  const unread = [`${PREFIX}.progress.queried`, `${PREFIX}.progress.responded`].some((field) => field in unfit);
  if (!unread) own.state ??= stateOf(queried, responded, available);
}

/**
 * `progress` is empty until devices are asked. All of them may have answered without a hit: then the query is finished
 * although `results_available` is false. Results that are there before any count are those of a running query.
 */
function stateOf(queried: number | undefined, responded: number | undefined, available: boolean | undefined): string {
  if (queried === undefined || queried === 0) return available === true ? 'running' : 'pending';
  if ((responded ?? 0) < queried) return 'running';
  return available === false ? 'finished_without_hits' : 'finished';
}
