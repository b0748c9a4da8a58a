/** Reads a data stream as it is at one moment: a point in time, in the order of its shards, a page at a time. */
import { z } from 'zod';
import type { EcsDocument } from '../../api/document.ts';
import { stopError } from '../../api/errors.ts';
import type { StoredDocument, StoredQuery } from '../../api/sink.ts';
import type { Range } from '../../api/walk.ts';
import type { Backoff } from '../backoff.ts';
import { lookedAt, PAGE, toStored } from '../stored.ts';
import { type ClusterTrouble, isMissingIndex, SHARDS, troubleWith, untilAnswered } from './answers.ts';
import type { EsClient, EsRequest, Reply } from './client.ts';

/** Between two pages; each asks for it anew. */
const KEPT = '5m';

const POINT = SHARDS.extend({ id: z.string() });
const HIT = z.object({
  _id: z.string(),
  _index: z.string(),
  _source: z.record(z.string(), z.unknown()).default({}),
  sort: z.array(z.union([z.number(), z.string()])),
});
const HITS = SHARDS.extend({
  pit_id: z.string(),
  hits: z.object({ hits: z.array(HIT).default([]) }).default({ hits: [] }),
});

interface Reading {
  client: EsClient;
  dataStream: string;
  newBackoff: () => Backoff;
  signal: AbortSignal;
}

export interface Hit {
  id: string;
  index: string;
  source: Partial<EcsDocument>;
}

/** Throws where a shard is missing: what lies there would count as lost. A data stream that is not there holds nothing. */
export async function* storedIn(
  reading: Reading,
  query: StoredQuery,
  /** The id of the document, where it lies under another. */
  idOf: (hit: Hit) => string | undefined = ({ id }) => id,
): AsyncGenerator<StoredDocument[]> {
  const filter = query.range === undefined ? undefined : timesIn(query.range);
  for await (const hits of hitsIn(reading, { size: PAGE, source: lookedAt(query), filter }))
    yield hits.map((hit) => toStored(query, idOf(hit), hit.source, hit.index));
}

interface Wanted {
  /** Documents to a page. */
  size: number;
  /** Their members. */
  source: readonly string[] | boolean;
  filter?: object | undefined;
}

/** The documents of a data stream, a page at a time. */
export async function* hitsIn(reading: Reading, { size, source, filter }: Wanted): AsyncGenerator<Hit[]> {
  const { dataStream } = reading;
  await answered(reading, { method: 'POST', path: `/${dataStream}/_refresh`, shape: SHARDS });
  const opened = await answered(reading, {
    method: 'POST',
    path: `/${dataStream}/_pit`,
    query: { keep_alive: KEPT, allow_partial_search_results: false },
    shape: POINT,
  });
  if (opened === undefined) return;
  let { id } = opened;
  try {
    for (let after: (number | string)[] | undefined; ; ) {
      const page = await answered(reading, {
        method: 'POST',
        path: '/_search',
        query: { allow_partial_search_results: false },
        body: {
          size,
          pit: { id, keep_alive: KEPT },
          sort: [{ _shard_doc: 'asc' }],
          track_total_hits: false,
          _source: source,
          ...(filter === undefined ? {} : { query: filter }),
          ...(after === undefined ? {} : { search_after: after }),
        },
        shape: HITS,
      });
      if (page === undefined) throw gone(reading);
      id = page.pit_id;
      const { hits } = page.hits;
      after = hits.at(-1)?.sort;
      if (hits.length > 0)
        yield hits.map(({ _id, _index, _source }) => ({ id: _id, index: _index, source: _source as Hit['source'] }));
      if (hits.length < size) return;
    }
  } finally {
    const close = { method: 'DELETE' as const, path: '/_pit', body: { id }, signal: AbortSignal.timeout(5000) };
    await reading.client.call(close).catch(() => {}); // it ends by itself
  }
}

export function timesIn({ fromMs, toMs }: Range) {
  return { range: { '@timestamp': { gte: fromMs, lt: toMs, format: 'epoch_millis' } } };
}

/** Removes documents where they lie: an id may be in two backing indices. */
export async function removeFrom(
  reading: Reading,
  documents: readonly Pick<StoredDocument, 'id' | 'place'>[],
): Promise<void> {
  for (const { id, place } of documents) {
    const path = `/${encodeURIComponent(place)}/_doc/${encodeURIComponent(id)}`;
    await answered(reading, { method: 'DELETE', path, shape: SHARDS });
  }
}

/** The answer, asked for until there is one or backoff ends; undefined where what is meant is not there. */
async function answered<Body>(
  { client, dataStream, newBackoff, signal }: Reading,
  request: Omit<EsRequest<Body>, 'signal'>,
): Promise<Body | undefined> {
  const place = { where: client.where, dataStream };
  const ask = async (): Promise<ClusterTrouble | { kind: 'answer'; body: Body | undefined }> => {
    const reply: Reply<Body> = await client.call({ ...request, signal } as EsRequest<Body>);
    if (reply.kind === 'answer' && isMissing(reply.status, reply.body)) return { kind: 'answer', body: undefined };
    if (reply.kind === 'silence' || reply.status !== 200) return troubleWith(reply as Reply, place);
    const { failed } = (reply.body as z.infer<typeof SHARDS>)._shards;
    if (failed === 0) return { kind: 'answer', body: reply.body };
    const why = `cannot read every shard of ${dataStream}`;
    return {
      kind: 'trouble',
      why,
      advice: 'Bring the missing shards back (GET _cluster/health).',
      outcomeUnknown: false,
    };
  };
  return (await untilAnswered(ask, newBackoff(), signal)).body;
}

/** A data stream, or a document that is to be removed. */
function isMissing(status: number, body: unknown): boolean {
  const isGone = status === 404 && (body as { result?: string } | null)?.result === 'not_found';
  return isGone || isMissingIndex(status, body);
}

function gone({ client, dataStream }: Reading) {
  return stopError(`${dataStream} at ${client.where} was removed while it was read`, 'Begin again once it is there.');
}
