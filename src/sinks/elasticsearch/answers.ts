/** What an answer of Elasticsearch means: the one place of this sink that looks at status codes and error types. */
import { z } from 'zod';
import { NOTHING_LOST, type SluiceError, stopError } from '../../api/errors.ts';
import { wantsTls } from '../../net/tls.ts';
import { type Backoff, orRefusal, type Waiting } from '../backoff.ts';
import { unreachable } from '../unreachable.ts';
import type { Reply } from './client.ts';

/** Trouble that may pass by itself. */
export interface ClusterTrouble extends Waiting {
  kind: 'trouble';
  /** The request may have been carried out: ask before it is repeated. */
  outcomeUnknown: boolean;
}

export interface ClusterPlace {
  where: string;
  dataStream: string;
}

export interface EsProblem {
  type: string;
  reason: string;
}

/** Type and reason of an error body, with what caused it; tolerant, since proxies answer too. */
export function problemOf(body: unknown): EsProblem {
  const error = (body as { error?: unknown } | null)?.error;
  if (typeof error === 'string') return { type: 'error', reason: error };
  if (typeof error === 'object' && error !== null) {
    const { type, reason, caused_by: cause } = error as Record<string, unknown>;
    const because = (cause as { reason?: unknown } | null | undefined)?.reason;
    const why = typeof because === 'string' && because !== '' && because !== reason ? `: ${because}` : '';
    return {
      type: typeof type === 'string' ? type : 'error',
      reason: `${typeof reason === 'string' ? reason : ''}${why}`,
    };
  }
  return {
    type: 'error',
    reason:
      typeof body === 'string'
        ? body
            .replace(/<[^>]*>?/g, ' ')
            .trim()
            .slice(0, 200)
        : '',
  };
}

/** Of every answer that comes from shards. */
export const SHARDS = z.object({ _shards: z.object({ failed: z.number() }) });

/** Only Elasticsearch's own word for it counts: a proxy's 404 must never read as "nothing is there". */
export function isMissingIndex(status: number, body: unknown): boolean {
  return status === 404 && (body as { error?: { type?: string } } | null)?.error?.type === 'index_not_found_exception';
}

/** Asks until there is an answer, or backoff ends. */
export async function untilAnswered<Answer extends { kind: string }>(
  ask: () => Promise<Answer | ClusterTrouble>,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<Exclude<Answer, ClusterTrouble>> {
  for (;;) {
    const answer = await orRefusal(ask);
    if (!('refusal' in answer) && !isTrouble(answer)) return answer as Exclude<Answer, ClusterTrouble>;
    await backoff.wait(answer, signal);
  }
}

function isTrouble(answer: { kind: string }): answer is ClusterTrouble {
  return answer.kind === 'trouble';
}

/** The answer in a few words. */
export function saidBy(reply: Reply): string {
  if (reply.kind === 'silence') return reply.why;
  const { type, reason } = problemOf(reply.body);
  return `${reply.status} ${type}: ${reason}`;
}

/** Judges a failed request, except with 413: trouble that may pass is returned, a refusal that needs a person is thrown. */
export function troubleWith(reply: Reply, place: ClusterPlace): ClusterTrouble {
  if (reply.kind === 'silence') return silent(reply, place);
  const { status } = reply;
  const problem = problemOf(reply.body);
  const said = `${status} ${problem.type}${problem.reason ? `: ${problem.reason}` : ''}`;
  if (isBlock(problem) && status !== 503) return blocked(problem, place);
  const trouble = { kind: 'trouble' as const, advice: NOTHING_LOST, waitMs: reply.retryAfterMs };
  if (status === 429) return { ...trouble, why: `is overloaded (${said})`, outcomeUnknown: false };
  if (status >= 500 || status === 408) return { ...trouble, why: `cannot answer (${said})`, outcomeUnknown: true };
  throw refused(status, said, place);
}

function silent({ why, tls, hint }: Extract<Reply, { kind: 'silence' }>, place: ClusterPlace): ClusterTrouble {
  const advice = ['Check the address and that the cluster runs.', hint ?? []].flat().join(' ');
  const found = unreachable({ who: `Elasticsearch at ${place.where}`, said: why, tls, advice });
  if ('refusal' in found) throw found.refusal;
  return { kind: 'trouble', ...found, outcomeUnknown: true };
}

export const NEEDED_PRIVILEGES = ['auto_configure', 'create_doc', 'read', 'maintenance'] as const;

/** A refusal that only a person can lift. Never a rejection: the documents are not to blame. */
function refused(status: number, said: string, { where, dataStream }: ClusterPlace): SluiceError {
  if (status === 401) {
    return stopError(
      `Elasticsearch at ${where} does not accept the credentials (${said})`,
      'Check the API key or the user and password in the sink settings: is it the right one, for this cluster, and not expired?',
    );
  }
  if (status === 403) {
    return stopError(
      `Elasticsearch at ${where} does not allow this on ${dataStream} (${said})`,
      `Give the API key or user the index privileges ${NEEDED_PRIVILEGES.join(', ')} on logs-*.`,
    );
  }
  if (status === 404) {
    return stopError(
      `Elasticsearch at ${where} has no data stream ${dataStream} and does not create it (${said})`,
      'Run `sluice setup elasticsearch` once, and check that the address is the one of Elasticsearch itself.',
    );
  }
  if (wantsTls(status, said)) {
    return stopError(`Elasticsearch at ${where} expects TLS (${said})`, 'Write https:// in `nodes` of the sink.');
  }
  return stopError(
    `Elasticsearch at ${where} refuses the request for ${dataStream} (${said})`,
    `The cluster's message says what has to be mended: waiting does not help. ${NOTHING_LOST}`,
  );
}

/** What became of one document of a bulk request. */
type ItemVerdict = 'delivered' | { kind: 'rejected'; problem: EsProblem } | ClusterTrouble;

interface BulkItem {
  status: number;
  error?: unknown;
  failure_store?: string;
}

export function judgeItem(item: BulkItem, place: ClusterPlace): ItemVerdict {
  if (item.status < 300) return item.failure_store === 'used' ? inFailureStore(place) : 'delivered';
  const problem = problemOf(item);
  if (item.status === 409) return 'delivered'; // our id is there already: an earlier delivery arrived
  if (item.status === 400 && isAboutDocument(problem)) return { kind: 'rejected', problem };
  return troubleWith({ kind: 'answer', status: item.status, body: item, retryAfterMs: undefined }, place);
}

function inFailureStore(place: ClusterPlace): ItemVerdict {
  const reason = `Elasticsearch put the document into the failure store: its reason stands in ${place.dataStream}::failures`;
  return { kind: 'rejected', problem: { type: 'failure_store', reason } };
}

/** Errors with status 400 that blame the cluster's setup: every document meets them, and rejecting all would drain the stream. */
const SETUP_TYPES = new Set([
  'validation_exception',
  'index_closed_exception',
  'invalid_index_name_exception',
  'security_exception',
  'action_request_validation_exception',
]);
const SETUP_REASONS = /pipeline with id|no write index|maximum (normal )?shards|index template/i;

function isAboutDocument(problem: EsProblem): boolean {
  if (SETUP_TYPES.has(problem.type)) return false;
  return problem.type !== 'illegal_argument_exception' || !SETUP_REASONS.test(problem.reason);
}

function isBlock(problem: EsProblem): boolean {
  return problem.type === 'cluster_block_exception';
}

function blocked(problem: EsProblem, { dataStream }: ClusterPlace): ClusterTrouble {
  const full = /flood|read-only-allow-delete|allow delete/i.test(problem.reason);
  const advice = full
    ? 'The disk of a node is nearly full: free space or add some, and the block goes away by itself.'
    : `Lift the block: PUT /${dataStream}/_settings {"index.blocks.write": null, "index.blocks.read_only": null}, or cluster.blocks.read_only if that is set.`;
  return {
    kind: 'trouble',
    why: `does not let ${dataStream} be written to: ${problem.reason}`,
    advice: `${advice} ${NOTHING_LOST}`,
    outcomeUnknown: false,
  };
}

const FIELD_PATTERNS = [
  /failed to parse field \[([^\]]+)\]/,
  /object mapping for \[([^\]]+)\]/,
  /mapper \[([^\]]+)\]/,
  /merge a non[- ]object mapping \[([^\]]+)\]/,
  /immense term in field="([^"]+)"/,
  /data stream timestamp field \[([^\]]+)\]/,
  /field \[([^\]]+)\]/,
];

/** The field that a reason names; undefined where it names none, as for a limit on the number of fields. */
export function fieldOf(reason: string): string | undefined {
  const strict = /dynamic introduction of \[([^\]]+)\] within \[([^\]]+)\]/.exec(reason);
  if (strict) return strict[2] === '_doc' ? strict[1] : `${strict[2]}.${strict[1]}`;
  for (const pattern of FIELD_PATTERNS) {
    const found = pattern.exec(reason)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}
