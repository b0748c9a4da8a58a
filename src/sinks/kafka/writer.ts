/** The writer of one pipeline: one producer, and one batch at a time, however many walks write at once. */
import { orAborted } from '../../api/abort.ts';
import type { Json } from '../../api/document.ts';
import { type SluiceError, stopError } from '../../api/errors.ts';
import type { Batch, Prepared, Written } from '../../api/sink.ts';
import { type AttemptTools, withBackoff } from './attempts.ts';
import { scrubber } from './connection.ts';
import { toOutgoing } from './messages.ts';
import { groupOf, topicOf, transactionalIdOf } from './settings.ts';
import { deliver, idsThatArrived, type KafkaDelivery, type WalkState } from './write.ts';

export interface TransactionWriter {
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
  tools: Pick<AttemptTools, 'settings' | 'log' | 'now' | 'newBackoff'>,
): TransactionWriter {
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

function begin(pipeline: string, tools: Pick<AttemptTools, 'settings' | 'log' | 'now' | 'newBackoff'>): State {
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
    found = { group, last: undefined, lastAtMs: undefined, open: undefined, seen: false };
    state.walks.set(walk, found);
  }
  return found;
}

async function write(state: State, batch: Batch, signal: AbortSignal): Promise<Written> {
  const { settings } = state;
  const walk = walkOf(state, batch.walk);
  const documents = toOutgoing(batch.documents, settings, new Date(state.now()).toISOString());
  const delivery: KafkaDelivery = { number: batch.number, walk, documents, refused: new Map(), rejections: [] };
  if (documents.length > 0) {
    const topics = [...new Set(batch.documents.map((document) => topicOf(settings.topic, document)))];
    state.where = { ...state.where, topics };
    await withBackoff(state, signal, (session) => deliver(state, session, delivery), delivery.refused);
  }
  const { last: number, lastAtMs: atMs } = walk;
  const receipt = number === undefined || atMs === undefined ? null : { number, atMs, ...namesOf(state) };
  return { rejections: delivery.rejections, receipt };
}

/** The names under which a number was committed: under other names it says nothing. */
function namesOf({ settings }: State): { prefix: string; markerTopic: string } {
  return { prefix: settings.transactionalIdPrefix, markerTopic: settings.markerTopic };
}

interface Receipt {
  number: number;
  atMs: number;
  prefix: string;
  markerTopic: string;
}

async function recover(
  state: State,
  prepared: readonly Prepared[],
  committed: ReadonlyMap<string, Json>,
  signal: AbortSignal,
): Promise<Set<string>> {
  const outcomeUnknown = prepared.length > 0 && state.settings.transactions;
  for (const [name, receipt] of committed) {
    if (receipt === null) continue;
    const { number, atMs, prefix, markerTopic } = receipt as unknown as Receipt;
    const now = namesOf(state);
    if (prefix !== now.prefix || markerTopic !== now.markerTopic) {
      if (outcomeUnknown) throw renamed(state, prefix, markerTopic);
      continue;
    }
    const walk = walkOf(state, name);
    if (number < (walk.last ?? 0)) continue;
    walk.last = number;
    walk.lastAtMs = atMs;
  }
  const arrived = new Set<string>();
  if (!outcomeUnknown) return arrived;
  await withBackoff(state, signal, async (session) => {
    for (const batch of prepared.toSorted((a, b) => a.number - b.number)) {
      for (const id of await idsThatArrived(state, session, walkOf(state, batch.walk), batch)) arrived.add(id);
    }
  });
  return arrived;
}

function renamed({ pipeline }: State, prefix: string, markerTopic: string): SluiceError {
  return stopError(
    `${pipeline}: a batch was being written under other names, and whether it arrived can only be asked under those`,
    `Put \`transactional_id_prefix: ${prefix}\` and \`marker_topic: ${markerTopic}\` back, start and stop Sluice once, and then change them.`,
  );
}
