/** The results of InstaQueries: CylanceOPTICS API guide, "Get InstaQuery Results"; newer wording in the console's help. */

import * as queries from '../../members/cylance/instaquery.ts';
import { members, Query, Result } from '../../members/cylance/instaquery-result.ts';
import {
  type Child,
  exactDigestOf,
  exactHashOf,
  type Json,
  listedParents,
  meaningsIn,
  memberOf,
  type Parents,
  parseExact,
  parseTimeMs,
  pathTo,
  SluiceError,
  type Stream,
  type StreamContext,
  spellingsOf,
  walkChildren,
} from '../../src/index.ts';
import { QUERY_LISTS, queryId } from './instaquery.ts';
import { member, textOf } from './shared/pages.ts';

const ROUTE = '/instaqueries/v2/{id}/results';
const SCOPE = 'opticssurvey:read';

export const instaqueryResult: Stream = {
  name: 'cylance.instaquery_result',
  about: {
    title: 'CylanceOPTICS InstaQuery results',
    endpoints: ['GET /instaqueries/v2', `GET ${ROUTE}`],
    scopes: ['opticssurvey:list', SCOPE],
    reading: 'per query, until it is complete; long replies part by part',
    key: 'the ids of the query, of the device and of the artifact, and a hash of the result: what is listed twice is shipped once',
    limits: [
      'the first run ships the results of every query that the vendor still has',
      'results are read again from the beginning while their query runs, at rising intervals',
    ],
  },
  mode: 'children',
  // A device that answers again reports the same result at another time. `Query` is added by Sluice.
  ignored: [...spellingsOf(members, 'Timestamp', 'Version'), 'Query'],
  secrets: [],
  key(record) {
    const query = textOf(memberOf(Query, memberOf(members, record, 'Query'), 'Id'));
    if (query === undefined) throw new Error('the result has no query');
    const device = textOf(memberOf(members, record, 'DeviceId')) ?? textOf(memberOf(members, record, 'HostName'));
    const artifact = memberOf(members, record, 'Result');
    if (artifact === undefined) throw new Error('the result has no artifact');
    const uid = textOf(memberOf(Result, artifact, 'Uid')) ?? '';
    return [query.toUpperCase(), (device ?? '').toLowerCase(), uid, exactHashOf(artifact)].join('/');
  },
  timeMs(record) {
    const artifact = memberOf(members, record, 'Result');
    return (
      parseTimeMs(memberOf(Result, artifact, 'LastObserved')) ??
      parseTimeMs(memberOf(Result, artifact, 'FirstObserved'))
    );
  },
  isOpen: () => false,
  changes: [],
  actions: { updated: 'instaquery-result-updated' },
  pages: (context, walk) => walkChildren(context, walk, { name: 'query', parents, read }),
};

function parents(context: StreamContext): Promise<Parents> {
  return listedParents(context, { lists: QUERY_LISTS.map((list) => list(context)), key: queryId }, toChild);
}

function toChild(key: string, query: unknown): Child {
  const progress = memberOf(queries.members, query, 'progress');
  const queried = Number(textOf(memberOf(queries.progress, progress, 'queried')) ?? 0);
  const responded = Number(textOf(memberOf(queries.progress, progress, 'responded')) ?? 0);
  const version = exactDigestOf({ progress, available: memberOf(queries.members, query, 'results_available') });
  const facts = { id: key, name: textOf(memberOf(queries.members, query, 'name')) ?? '' };
  const expectsRecords = memberOf(queries.members, query, 'results_available') === true;
  return { key, version, complete: queried > 0 && responded >= queried, expectsRecords, facts };
}

async function* read(context: StreamContext, child: Child): AsyncGenerator<unknown[], boolean> {
  const path = pathTo(ROUTE, child.key);
  let isDone = false;
  const begin = (rest: Record<string, unknown>): void => {
    const id = textOf(memberOf(queries.members, rest, 'id'));
    if (id !== undefined && id.toLowerCase() !== child.key.toLowerCase()) {
      throw new SluiceError(`GET ${path}: the reply is of another query, ${id}`, { action: 'retry' });
    }
  };
  const accept = (rest: Record<string, unknown>): void => {
    begin(rest);
    isDone = textOf(member(rest, 'status'))?.toLowerCase() === 'done';
  };
  const { priority, signal } = context;
  for await (const part of context.client.parts({
    ...{ path, route: ROUTE, scope: SCOPE, priority, signal, retry: 'brief' as const },
    ...{ member: 'result', begin, accept },
  })) {
    yield part.map((entry) => toRecord(entry, child));
  }
  return isDone;
}

/** One result with its query. `Result` is an object in the guide and a JSON text in practice: always an object here. */
export function toRecord(entry: unknown, { key, facts }: Pick<Child, 'key' | 'facts'>): unknown {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return { Result: entry, Query: { id: key } };
  const all = Object.entries(entry).map(([name, value]) => [
    name,
    meaningsIn(members)(name)?.name === 'Result' ? parsedText(value) : value,
  ]);
  const record: Record<string, unknown> = Object.fromEntries(all); // an assignment would lose a member `__proto__`
  const query: Record<string, Json> = { id: key };
  if (typeof facts.name === 'string' && facts.name !== '') query.name = facts.name;
  return { ...record, Query: query };
}

/** A member that is an object, or JSON in a text. */
export function parsedText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    const parsed = parseExact(value);
    return typeof parsed === 'object' && parsed !== null ? parsed : value;
  } catch {
    return value;
  }
}
