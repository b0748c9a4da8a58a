import { confirmedBy } from '../lifecycle.ts';
import { pageReply, selectionOf } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import { type Asked, type Collection, type Revision, resource, type Site } from '../resource.ts';
import { truthOf } from '../truth.ts';
import type { Giant } from './giant.ts';
import { createQueries, PART, type Queries } from './queries.ts';
import { type ResultRow, resultRows } from './results.ts';
import { sendGiant } from './send-giant.ts';

/** InstaQueries, each with its detail and its results. */

interface QueryCollection extends Collection {
  site: Site;
  queries: Queries;
}

function list({ site, queries }: QueryCollection, { params }: Asked): Reply {
  const archived = (params.get('archived') ?? 'false').trim().toLowerCase() !== 'false';
  return pageReply(site, params, {
    endpoint: 'instaqueries',
    select: () => selectionOf(queries.listed(archived, (params.get('q') ?? '').toLowerCase())),
    write: (index) => queries.json(index),
  });
}

/** The number of a query, or the error reply for an unknown id. */
function queryOf(queries: Queries, id: string): number | Reply {
  if (!/^[0-9a-f]{32}$/i.test(id)) return errorReply(400, 'the identifier of the InstaQuery is not valid');
  const index = queries.find(id);
  return index === undefined || queries.lifecycle.isGone(index) ? errorReply(404, 'no such InstaQuery') : index;
}

function one({ queries }: QueryCollection, { argument }: Asked): Reply {
  const index = queryOf(queries, argument);
  if (typeof index !== 'number') return index;
  return jsonReply(queries.json(index), queries.lifecycle.servedLater([index], PART.detail));
}

function results({ site, queries }: QueryCollection, { argument }: Asked): Reply {
  const index = queryOf(queries, argument);
  if (typeof index !== 'number') return index;
  const sent = queries.lifecycle.servedLater([index], PART.results);
  const giant = queries.giantAt(index);
  if (giant === undefined) return jsonReply(queries.results(index), sent);
  const { seed } = site.settings;
  return { ...jsonReply(''), write: (sending, due) => sendGiant(sending, giant, { seed, due, sent }) };
}

/** The results, each with its query. Results are only ever added, so the last state has all of them. */
function* resultTruth(queries: Queries, { facts }: Site): Generator<Revision> {
  for (let index = 0; index < queries.count; index++) {
    const giant = queries.giantAt(index);
    const rows = giant
      ? giantRows(queries, index, giant)
      : resultRows(facts, queries.planOf(index), queries.stateOf(index));
    for (const row of rows) yield { ...row, ordinal: 1, kind: 'detail' };
  }
}

function* giantRows(queries: Queries, index: number, giant: Giant): Generator<ResultRow> {
  const { name } = JSON.parse(queries.json(index)) as { name: string };
  const query = `,"Query":${JSON.stringify({ id: queries.idOf(index), name })}}`;
  for (let number = 0; number < giant.count; number++) {
    const { key, json } = giant.record(number);
    yield { id: key, json: json.slice(0, -1) + query };
  }
}

const PATH = '/instaqueries/v2';
const READ = 'opticssurvey:read';

export const instaQueries = resource<QueryCollection>({
  name: 'instaQueries',
  streams: ['cylance.instaquery', 'cylance.instaquery_result'],
  routes: [
    { endpoint: 'instaqueries', path: PATH, scope: 'opticssurvey:list', answer: list },
    { endpoint: 'instaquery', path: `${PATH}/{id}`, scope: READ, answer: one },
    { endpoint: 'results', path: `${PATH}/{id}/results`, scope: READ, answer: results },
    // The newer document lacks the slash before the id.
    { endpoint: 'results', path: `${PATH}{id}/results`, scope: READ, answer: results },
  ],
  create(site) {
    const queries = createQueries(site.facts, site.settings);
    const { count, lifecycle, idOf, json, stateOf } = queries;
    return {
      ...{ site, queries, lifecycle },
      truth: {
        'cylance.instaquery': truthOf(lifecycle, { count, kind: 'detail', idOf, json }),
        'cylance.instaquery_result': {
          rows: () => resultTruth(queries, site),
          totals: () => {
            let found = 0;
            for (let index = 0; index < count; index++) found += stateOf(index).results;
            return { records: found, revisions: found, deleted: 0, listOnly: 0 };
          },
        },
      },
      confirm: confirmedBy(queries),
    };
  },
});
