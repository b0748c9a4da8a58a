import { pageReply } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';
import { PART } from './queries.ts';

/** The InstaQuery endpoints, as functions from a request to a reply. */

export function listQueries(world: World, params: URLSearchParams): Reply {
  const archived = (params.get('archived') ?? 'false').trim().toLowerCase() !== 'false';
  const term = (params.get('q') ?? '').toLowerCase();
  const indexes = world.queries.listed(archived, term);
  return pageReply(world, params, { endpoint: 'instaqueries', indexes, write: (index) => world.queries.json(index) });
}

/** The number of a query that is there, or why it is not. */
export function queryOf({ queries }: World, id: string): number | Reply {
  if (!/^[0-9a-f]{32}$/i.test(id)) return errorReply(400, 'the identifier of the InstaQuery is not valid');
  const index = queries.find(id);
  return index === undefined || queries.courses.isGone(index) ? errorReply(404, 'no such InstaQuery') : index;
}

/** To be called once a part of the present state was sent whole. */
export function servedLater({ queries: { courses } }: World, index: number, part: number): () => void {
  const step = courses.stepOf(index);
  return () => courses.served(index, step, part);
}

export function oneQuery(world: World, id: string): Reply {
  const index = queryOf(world, id);
  if (typeof index !== 'number') return index;
  return jsonReply(world.queries.json(index), servedLater(world, index, PART.detail));
}

export function queryResults(world: World, id: string): Reply {
  const index = queryOf(world, id);
  if (typeof index !== 'number') return index;
  return jsonReply(world.queries.results(index), servedLater(world, index, PART.results));
}
