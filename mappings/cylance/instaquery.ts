/**
 * InstaQueries: the guide's "Get InstaQueries" and "Get InstaQuery" (the same members), and the tombstone of one that
 * is gone. A query is a person's doing in the console, never an alert: `configuration` is the category for what was set
 * up there, and `info` all that a record says, since it may be met long after the query was made.
 */
import * as tables from '../../members/cylance/instaquery.ts';
import type { EcsDocument, Mapping } from '../../src/index.ts';
import {
  address,
  type FieldList,
  type Fields,
  filled,
  flat,
  type HashKind,
  hashOf,
  integerWithin,
  keyword,
  keywords,
  listOf,
  misfit,
  parsed,
  put,
  type Related,
  reader,
  text,
  truth,
  type Unfit,
} from '../ecs.ts';
import { conclude, EVERY_DOCUMENT, itemsOf, moment, originOf, pick, title } from './shared/base.ts';

const PREFIX = 'cylance.instaquery';

export const fields: FieldList = {
  prefix: PREFIX,
  custom: {
    'cylance.instaquery.name': 'keyword',
    'cylance.instaquery.description': 'match_only_text',
    'cylance.instaquery.artifact': 'keyword',
    'cylance.instaquery.match_value_type': 'keyword',
    'cylance.instaquery.match_values': 'keyword',
    'cylance.instaquery.match_value_count': 'long',
    'cylance.instaquery.match_type': 'keyword',
    'cylance.instaquery.case_sensitive': 'boolean',
    'cylance.instaquery.zones': 'keyword',
    'cylance.instaquery.filters.aspect': 'keyword',
    'cylance.instaquery.filters.value': 'keyword',
    'cylance.instaquery.filters.other': 'flattened',
    'cylance.instaquery.relations.object': 'keyword',
    'cylance.instaquery.relations.relationship': 'keyword',
    'cylance.instaquery.relations.other': 'flattened',
    'cylance.instaquery.results_available': 'boolean',
    'cylance.instaquery.archived': 'date',
    'cylance.instaquery.progress.queried': 'long',
    'cylance.instaquery.progress.responded': 'long',
    /** pending, running, finished, finished_without_hits or deleted; absent where the record does not tell. */
    'cylance.instaquery.state': 'keyword',
    /** Members of the record that the guide does not know. */
    'cylance.instaquery.other': 'flattened',
    /** Values that did not fit the field they were meant for, by that field's name. */
    'cylance.instaquery.unfit': 'flattened',
  },
  ecs: [...EVERY_DOCUMENT, 'event.provider', 'event.created', 'related.hash', 'related.ip'],
};

const queryOf = reader(tables.members);
type Query = ReturnType<typeof queryOf>;

const filterOf = reader({ aspect: [], value: [] });
const relationOf = reader({ object: [], relationship: [] });
const progressOf = reader(tables.progress);

export const mapping: Mapping = (record, source) => {
  const query = queryOf(record);
  const id = text(query.id);
  if (id === undefined) throw new Error('the record has no id');
  const unfit: Unfit = {};
  const own: Fields = {};
  const related: Related = { hosts: [], ip: [], user: [], hash: [] };
  const created = moment(unfit, '@timestamp', query.created_at);
  const event: Fields = { kind: 'event', category: ['configuration'], type: ['info'], module: 'cylance' };
  event.dataset = PREFIX;
  event.provider = 'InstaQuery';
  event.id = id;
  put(event, 'created', created);
  const document: EcsDocument = { '@timestamp': created, ...originOf(source), event };
  asked(query, unfit, own, related);
  const progressRest = answered(query, unfit, own);
  document.message = title(typeof own.name === 'string' ? `InstaQuery: ${own.name}` : `InstaQuery ${id}`);
  if (own.state === 'deleted') {
    event.type = ['deletion'];
    document.message = `InstaQuery ${title(id)} was deleted`;
  }
  const others = query.others === undefined ? {} : pick(record as Fields, query.others);
  put(
    own,
    'other',
    flat(unfit, `${PREFIX}.other`, progressRest === undefined ? others : { ...others, progress: progressRest }),
  );
  conclude(document, PREFIX, { own, unfit, related });
  if (source.keepOriginal) event.original = JSON.stringify(record);
  return document;
};

/** What was looked for, and where. */
function asked(query: Query, unfit: Unfit, own: Fields, related: Related): void {
  put(own, 'name', keyword(unfit, `${PREFIX}.name`, query.name));
  put(own, 'description', keyword(unfit, `${PREFIX}.description`, query.description));
  put(own, 'artifact', keyword(unfit, `${PREFIX}.artifact`, query.artifact));
  const facet = keyword(unfit, `${PREFIX}.match_value_type`, query.match_value_type);
  put(own, 'match_value_type', facet);
  const values = keywords(unfit, `${PREFIX}.match_values`, query.match_values);
  if (values !== undefined) {
    own.match_values = values;
    own.match_value_count = listOf(query.match_values).length;
    relate(facet, values, related);
  }
  put(own, 'match_type', keyword(unfit, `${PREFIX}.match_type`, query.match_type));
  put(own, 'case_sensitive', truth(unfit, `${PREFIX}.case_sensitive`, query.case_sensitive));
  put(own, 'zones', keywords(unfit, `${PREFIX}.zones`, query.zones));
  put(own, 'filters', itemsOf(unfit, `${PREFIX}.filters`, query.filters, filterOf, ['aspect', 'value'], 'value'));
  put(
    own,
    'relations',
    itemsOf(unfit, `${PREFIX}.relations`, query.relations, relationOf, ['object', 'relationship'], 'object'),
  );
}

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

/** How far it is. Returns the members of `progress` that have no field. */
function answered(query: Query, unfit: Unfit, own: Fields): Fields | undefined {
  const available = truth(unfit, `${PREFIX}.results_available`, query.results_available);
  put(own, 'results_available', available);
  put(own, 'archived', moment(unfit, `${PREFIX}.archived`, query.archived));
  if (truth(unfit, `${PREFIX}.state`, query.Deleted) === true) own.state = 'deleted';
  const given = parsed(query.progress);
  if (given === undefined) {
    misfit(unfit, `${PREFIX}.progress`, query.progress);
    if (available === true) own.state ??= 'running';
    return undefined;
  }
  const said = progressOf(given);
  const progress: Fields = {};
  const queried = integerWithin(unfit, `${PREFIX}.progress.queried`, said.queried, 0, Number.MAX_SAFE_INTEGER);
  const responded = integerWithin(unfit, `${PREFIX}.progress.responded`, said.responded, 0, Number.MAX_SAFE_INTEGER);
  put(progress, 'queried', queried);
  put(progress, 'responded', responded);
  put(own, 'progress', filled(progress));
  const unread = [`${PREFIX}.progress.queried`, `${PREFIX}.progress.responded`].some((field) => field in unfit);
  if (!unread) own.state ??= stateOf(queried, responded, available);
  return said.others === undefined ? undefined : pick(given, said.others);
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
