/**
 * Which of these ids are there already? Asked before anything is sent again, because the same `_id` in a new backing
 * index (after a rollover) is no conflict: sending again without asking would double the document.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { NOTHING_LOST, SluiceError } from '../../api/errors.ts';
import type { Backoff } from '../backoff.ts';
import {
  type ClusterPlace,
  type ClusterTrouble,
  isMissingIndex,
  SHARDS,
  troubleWith,
  untilAnswered,
} from './answers.ts';
import { inPortions, opaqueIdOf } from './bulk.ts';
import type { EsClient } from './client.ts';

type Found = { kind: 'found'; ids: Set<string> };

interface LookUp {
  client: EsClient;
  dataStream: string;
  ids: readonly string[];
  signal: AbortSignal;
}

/** Elasticsearch's default limits on terms and results are far above it. */
const IDS_PER_SEARCH = 1000;

/** Asks until there is an answer, or backoff ends. */
export async function lookUpUntilAnswered(question: LookUp, backoff: Backoff): Promise<Set<string>> {
  const { ids } = await untilAnswered(() => lookUp(question), backoff, question.signal);
  return ids;
}

/** One attempt. Trouble that may pass is returned; a refusal that needs a person is thrown. */
async function lookUp(question: LookUp): Promise<Found | ClusterTrouble> {
  const busy = await waitForTasks(question);
  if (busy) return busy;
  const refreshed = await refresh(question);
  if (refreshed !== 'refreshed') return refreshed;
  const ids = new Set<string>();
  for (const some of inPortions(question.ids, IDS_PER_SEARCH)) {
    const trouble = await search(question, some, ids);
    if (trouble) return trouble;
  }
  return { kind: 'found', ids };
}

/**
 * Waits for requests that Sluice gave up on and that still run on the server; not for those that begin later.
 * Best effort: without the `monitor` privilege tasks cannot be seen, and a request still held by a proxy is no
 * task yet; a short pause is all that is left then.
 */
async function waitForTasks({ client, dataStream, signal }: LookUp): Promise<ClusterTrouble | undefined> {
  let before: Set<string> | undefined;
  for (let waited = 0, pause = 50; ; waited += pause, pause = Math.min(pause * 2, 1000)) {
    const query = { actions: '*bulk*', group_by: 'none', filter_path: 'tasks.node,tasks.id,tasks.headers' };
    const reply = await client.call({ method: 'GET', path: '/_tasks', query, shape: TASKS, signal });
    if (reply.kind === 'silence') return troubleWith(reply, { where: client.where, dataStream });
    if (reply.status !== 200) {
      await sleep(1000, undefined, { signal });
      return undefined;
    }
    const running = tasksOf(reply.body, opaqueIdOf(dataStream));
    before ??= new Set(running);
    if (!running.some((task) => before?.has(task))) return undefined;
    if (waited >= client.requestTimeoutMs) {
      const why = `is still working on an earlier request for ${dataStream}`;
      const advice = `Wait until its bulk tasks have ended (GET _tasks?actions=*bulk*). ${NOTHING_LOST}`;
      return { kind: 'trouble', why, advice, outcomeUnknown: true };
    }
    await sleep(pause, undefined, { signal });
  }
}

const TASKS = z.object({
  tasks: z
    .array(
      z.object({
        node: z.string().optional(),
        id: z.number().optional(),
        headers: z.record(z.string(), z.string()).optional(),
      }),
    )
    .default([]),
});

function tasksOf({ tasks }: z.infer<typeof TASKS>, opaqueId: string): string[] {
  return tasks.filter(({ headers }) => headers?.['X-Opaque-Id'] === opaqueId).map(({ node, id }) => `${node}:${id}`);
}

async function refresh({ client, dataStream, signal }: LookUp): Promise<'refreshed' | Found | ClusterTrouble> {
  const reply = await client.call({ method: 'POST', path: `/${dataStream}/_refresh`, shape: SHARDS, signal });
  const place = { where: client.where, dataStream };
  if (reply.kind === 'silence') return troubleWith(reply, place);
  if (isMissingIndex(reply.status, reply.body)) return { kind: 'found', ids: new Set() };
  if (reply.status !== 200) return cannotLook(() => troubleWith(reply, place), place);
  return reply.body._shards.failed > 0 ? shardsMissing(dataStream) : 'refreshed';
}

/** Where nothing is found, the filter leaves only the shards: an answer without them comes from no search. */
const HITS = SHARDS.extend({
  hits: z.object({ hits: z.array(z.object({ _id: z.string() })).default([]) }).default({ hits: [] }),
});

/** Adds to `found`. Goes on asking while an answer is full: an id may be there more than once. */
async function search(question: LookUp, ids: string[], found: Set<string>): Promise<ClusterTrouble | undefined> {
  const { client, dataStream, signal } = question;
  const place = { where: client.where, dataStream };
  for (let left = ids; left.length > 0; ) {
    const reply = await client.call({
      method: 'POST',
      path: `/${dataStream}/_search`,
      query: { allow_partial_search_results: false, filter_path: 'error,hits.hits._id,_shards.failed' },
      body: {
        size: left.length,
        _source: false,
        track_total_hits: false,
        sort: ['_doc'],
        query: { ids: { values: left } },
      },
      shape: HITS,
      signal,
    });
    if (reply.kind === 'silence') return troubleWith(reply, place);
    if (reply.status !== 200) return cannotLook(() => troubleWith(reply, place), place);
    const { hits } = reply.body.hits;
    for (const hit of hits) found.add(hit._id);
    if (reply.body._shards.failed > 0) return shardsMissing(dataStream);
    if (hits.length < left.length) return undefined;
    const others = left.filter((id) => !found.has(id));
    if (others.length === left.length) return strangers(place);
    left = others;
  }
  return undefined;
}

/** Ids that were not asked for: asking again would bring the same answer, without an end. */
function strangers({ where, dataStream }: ClusterPlace): ClusterTrouble {
  const why = `answers a search for ids in ${dataStream} with others`;
  return { kind: 'trouble', why, advice: `Is something between Sluice and ${where}?`, outcomeUnknown: true };
}

function shardsMissing(dataStream: string): ClusterTrouble {
  const why = `cannot read every shard of ${dataStream}, so that what arrived there is not known`;
  const advice = `Bring the missing shards back (GET _cluster/health). ${NOTHING_LOST}`;
  return { kind: 'trouble', why, advice, outcomeUnknown: true };
}

/** Says why a privilege to read is asked for at all. */
function cannotLook(judge: () => ClusterTrouble, { dataStream }: ClusterPlace): ClusterTrouble {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    const message = `${error.message}; Sluice has to look up what arrived in ${dataStream} before it sends again`;
    throw new SluiceError(message, { action: error.action, advice: error.advice });
  }
}
