/** The writer of one pipeline: one producer, and one batch at a time, however many walks write at once. */
import { orAborted } from '../abort.ts';
import type { SluiceError } from '../errors.ts';
import type { Batch, Json, Prepared, Written } from '../types.ts';
import { type AttemptTools, patiently } from './kafka-attempts.ts';
import { scrubber } from './kafka-connection.ts';
import { type Delivery, deliver, idsThatArrived, type WalkState } from './kafka-delivery.ts';
import { toOutgoing } from './kafka-messages.ts';
import { groupOf, topicOf, transactionalIdOf } from './kafka-settings.ts';

export interface Writer {
  write(batch: Batch, signal: AbortSignal): Promise<Written>;
  /** Which ids of the prepared batches arrived; `committed` has the receipts of every walk. */
  recover(
    prepared: readonly Prepared[],
    committed: ReadonlyMap<string, Json>,
    signal: AbortSignal,
  ): Promise<Set<string>>;
  close(): Promise<void>;
}

/** Everything that is known of the pipeline. */
interface State extends AttemptTools {
  pipeline: string;
  walks: Map<string, WalkState>;
}

export function openWriter(
  pipeline: string,
  tools: Pick<AttemptTools, 'settings' | 'log' | 'now' | 'newPatience'>,
): Writer {
  const state = begin(pipeline, tools);
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    const mine = turn.then(() => {
      signal.throwIfAborted();
      return work();
    });
    turn = mine.catch(() => {});
    return orAborted(mine, signal);
  };
  return {
    write: (batch, signal) => inTurn(() => write(state, batch, signal), signal),
    recover: (prepared, committed, signal) => inTurn(() => recover(state, prepared, committed, signal), signal),
    async close() {
      const { session } = state;
      state.session = undefined;
      await session?.close();
    },
  };
}

function begin(pipeline: string, tools: Pick<AttemptTools, 'settings' | 'log' | 'now' | 'newPatience'>): State {
  const { settings } = tools;
  const transactionalId = transactionalIdOf(settings.transactionalIdPrefix, pipeline);
  const where = {
    who: `Kafka at ${settings.brokers.join(', ')}`,
    transactionalId,
    markerTopic: settings.markerTopic,
    groups: transactionalId,
    topics: [],
    scrub: scrubber(settings),
  };
  const lost: SluiceError | undefined = undefined;
  return { ...tools, pipeline, where, walks: new Map(), session: undefined, limits: new Map(), lost };
}

function walkOf(state: State, walk: string): WalkState {
  let found = state.walks.get(walk);
  if (found === undefined) {
    const group = groupOf(state.settings.transactionalIdPrefix, state.pipeline, walk);
    found = { group, last: undefined, open: undefined, seen: false };
    state.walks.set(walk, found);
  }
  return found;
}

async function write(state: State, batch: Batch, signal: AbortSignal): Promise<Written> {
  const { settings } = state;
  const walk = walkOf(state, batch.walk);
  const documents = toOutgoing(batch.documents, settings, new Date(state.now()).toISOString());
  const delivery: Delivery = { number: batch.number, walk, documents, refused: new Map(), rejections: [] };
  if (documents.length > 0) {
    const topics = [...new Set(batch.documents.map((document) => topicOf(settings.topic, document)))];
    state.where = { ...state.where, topics };
    await patiently(state, signal, (session) => deliver(state, session, delivery), delivery.refused);
  }
  return { rejections: delivery.rejections, receipt: walk.last === undefined ? null : { number: walk.last } };
}

async function recover(
  state: State,
  prepared: readonly Prepared[],
  committed: ReadonlyMap<string, Json>,
  signal: AbortSignal,
): Promise<Set<string>> {
  for (const [name, receipt] of committed) {
    const { number } = (receipt ?? {}) as { number?: number };
    const walk = walkOf(state, name);
    if (number !== undefined) walk.last = Math.max(number, walk.last ?? 0);
  }
  const arrived = new Set<string>();
  if (prepared.length === 0 || !state.settings.transactions) return arrived;
  await patiently(state, signal, async (session) => {
    for (const batch of prepared.toSorted((a, b) => a.number - b.number)) {
      for (const id of await idsThatArrived(state, session, walkOf(state, batch.walk), batch)) arrived.add(id);
    }
  });
  return arrived;
}
