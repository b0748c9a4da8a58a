/** Repeats work that needs a producer until it is done: with a new producer after every error. */
import type { Logger } from 'pino';
import { orAborted } from '../../api/abort.ts';
import type { SluiceError } from '../../api/errors.ts';
import type { Rejection } from '../../api/sink.ts';
import type { Backoff, Refusal, Waiting } from '../backoff.ts';
import {
  areCredentialsRefused,
  type ErrorVerdict,
  fenced,
  judge,
  RefusedError,
  unknownTopic,
  type Where,
} from './errors.ts';
import { tooLarge } from './messages.ts';
import { openSession, type Session } from './session.ts';
import type { WholeSettings } from './settings.ts';

export interface AttemptTools {
  settings: WholeSettings;
  log: Logger;
  now: () => number;
  newBackoff: () => Backoff;
  where: Where;
  session: Session | undefined;
  /** The limits of topics that take less than the sink is set to. */
  limits: Map<string, Limit>;
  /** Why nothing is ever written again: another process has taken over. */
  lost: SluiceError | undefined;
  /** Another opening has ended one of ours: once, that is taken for an earlier one of this process. */
  opensAgain?: boolean;
}

interface Limit {
  /** The most bytes of a record; undefined when the topic's configuration may not be read. */
  record: number | undefined;
  /** The most bytes of a send. */
  send: number;
}

/** A broker that has just started may not know its topics yet. */
const UNKNOWN_TOPIC_MS = 2000;

/** Repeats `work` until it is done, the backoff ends, or only a person can help. `refused` takes what brokers find too large. */
export async function withBackoff(
  tools: AttemptTools,
  signal: AbortSignal,
  work: (session: Session) => Promise<void>,
  refused = new Map<string, Rejection>(),
): Promise<void> {
  const backoff = tools.newBackoff();
  let credentialsAgain = true;
  for (;;) {
    if (tools.lost !== undefined) throw tools.lost;
    try {
      tools.session ??= await openSession(tools.settings, tools.where.transactionalId, tools.log, signal);
      await orAborted(work(tools.session), signal);
      return backoff.progress();
    } catch (error) {
      const session = tools.session;
      const verdict = signal.aborted ? undefined : judge(error, tools.where);
      const isLearned = verdict?.kind === 'too-large' && error instanceof RefusedError && session !== undefined;
      if (isLearned) await learn(tools, session, error, refused);
      tools.session = undefined;
      session?.drop();
      signal.throwIfAborted();
      // A connection of a session that is open for long was refused: the secret may have been changed, and is read again.
      if (session !== undefined && credentialsAgain && areCredentialsRefused(error)) {
        credentialsAgain = false;
        continue;
      }
      const trouble = isLearned ? undefined : troubleOf(verdict as ErrorVerdict, tools, session, error);
      if (trouble !== undefined) await backoff.wait(trouble, signal);
    }
  }
}

/** The trouble or refusal to wait for; throws errors that are not to be tried again. */
function troubleOf(
  verdict: ErrorVerdict,
  tools: AttemptTools,
  session: Session | undefined,
  error: unknown,
): Waiting | Refusal {
  switch (verdict.kind) {
    case 'trouble':
      return verdict;
    case 'too-large': // no send of documents, which could be made smaller
      return { why: 'finds a request too large that holds no documents', advice: 'Look at the limits of the brokers.' };
    case 'stop':
      if (verdict.error === error) throw error; // our own error, and no answer of a broker
      return { refusal: verdict.error };
    case 'unknown-topic':
      return { refusal: unknownTopic(tools.where), waitMs: UNKNOWN_TOPIC_MS };
    case 'fenced':
      // Only another opening can end an opening, and that may be an earlier one of ours that came late.
      if (session === undefined && !tools.opensAgain) {
        tools.opensAgain = true;
        return { why: 'has opened another producer of this name meanwhile', advice: 'Does another Sluice run?' };
      }
      // A transaction that took too long is ended by the brokers, with the same words.
      if (session?.isOverdue())
        return { why: 'took longer for a batch than it allows', advice: 'Make `batch` smaller.' };
      tools.lost = fenced(tools.where);
      throw tools.lost;
  }
}

/** A send was too large for its topic: later ones are smaller, and a record that was alone in its send is refused. */
async function learn(
  { limits }: AttemptTools,
  session: Session,
  { topic, bytes, ids }: RefusedError,
  refused: Map<string, Rejection>,
): Promise<void> {
  const told = await session.limitOf(topic);
  const [id] = ids;
  if (ids.length === 1 && id !== undefined)
    refused.set(id, tooLarge(id, `${bytes} bytes with key and headers, but ${topic} takes ${told ?? 'fewer'}`));
  const half = bytes / 2;
  const send = told !== undefined && told < bytes ? told * 0.9 : half;
  limits.set(topic, { record: told, send: ids.length === 1 ? (limits.get(topic)?.send ?? bytes) : send });
}
