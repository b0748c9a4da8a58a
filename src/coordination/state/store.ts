/**
 * The state of one source in Kafka: a compacted topic holds every row, and SQLite a copy of it for the process that owns the
 * source. The engine works on the copy; `settled` sends the rows that changed in a transaction, which fails for a process
 * that another one has followed.
 */
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Logger } from 'pino';
import { orAborted } from '../../api/abort.ts';
import { messageOf, NOTHING_LOST, SluiceError, stopError } from '../../api/errors.ts';
import { type Connection, connectKafka, within } from '../../sinks/kafka/connection.ts';
import { typeOf } from '../../sinks/kafka/errors.ts';
import { murmur2 } from '../../sinks/kafka/partition.ts';
import type { WholeSettings } from '../../sinks/kafka/settings.ts';
import type { StatePlace } from '../../state/files.ts';
import { SCHEMA_VERSION } from '../../state/schema.sql.ts';
import { openState, type StateOptions } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { type Capture, captureChanges, type RowChange } from './capture.ts';
import { committedRecords } from './partition.ts';
import { openStateProducer, type StateProducer } from './producer.ts';
import { restoreRows } from './restore.ts';
import { lookAtTopic } from './topic.ts';

export interface KafkaStateOptions extends Omit<StateOptions, 'exclusive' | 'copy'> {
  source: string;
  /** Of the brokers; `timeoutMs` is for each step. */
  kafka: WholeSettings;
  topic: string;
  /** As many as it was made with. */
  partitions: number;
  /** Begins the transactional ids. */
  prefix: string;
  log: Logger;
  signal: AbortSignal;
  /** Whether this process may still act for the source, by its own clock. */
  holds?: () => boolean;
}

export interface KafkaState {
  /** Its pipelines' `settled` is that of the whole source. */
  store: StateStore;
  /** Rows that were there. */
  restored: number;
  settled(): Promise<void>;
  /** Resolves with the reason once nothing can be written any more. */
  lost: Promise<Error>;
  /** What is not settled is forgotten. */
  close(): Promise<void>;
}

/** The folder of the copy. */
export function copyOf(place: StatePlace, source: string): string {
  return join(place.path, 'sources', source);
}

/** The partition of a source never changes: the topic must keep the number of partitions that it was made with. */
export function partitionOf(source: string, partitions: number): number {
  return (murmur2(new TextEncoder().encode(source)) & 0x7fffffff) % partitions;
}

/** What a source's first row says: rows of another version are not read. */
const OWNER = 'owner';

/** Ends whoever wrote for the source before, then reads what they left. */
export async function openKafkaState(options: KafkaStateOptions): Promise<KafkaState> {
  const connection = connectKafka(options.kafka, options.log);
  const opening = takenOver(options, connection);
  try {
    return await orAborted(opening, options.signal);
  } catch (error) {
    connection.drop();
    void opening.then(
      (state) => state.close(), // just when it was not wanted any more
      () => {},
    );
    throw explained(error, options);
  }
}

async function takenOver(options: KafkaStateOptions, connection: Connection): Promise<KafkaState> {
  const { source, kafka, topic, partitions, prefix, signal } = options;
  const { timeoutMs } = kafka;
  const looking = connection.withAdmin((admin) => lookAtTopic(admin, options));
  await within(timeoutMs, `looking for ${topic}`, looking);
  const partition = partitionOf(source, partitions);
  const transactionalId = `${prefix}-state-${source}`;
  const producer = await openStateProducer(connection, { topic, partition, transactionalId, timeoutMs });
  const rows = new Map<string, string>();
  const mine = `${JSON.stringify([source]).slice(0, -1)},`;
  for await (const records of committedRecords(connection, { topic, partition, timeoutMs, signal })) {
    for (const { key, value } of records) {
      const name = key?.toString() ?? '';
      if (!name.startsWith(mine)) continue;
      if (value === null) rows.delete(name);
      else rows.set(name, value.toString());
    }
  }
  requireVersion(source, topic, rows);
  return filled(options, rows, producer, connection.drop);
}

function requireVersion(source: string, topic: string, rows: Map<string, string>): void {
  const key = JSON.stringify([source, OWNER]);
  const owner = rows.get(key);
  rows.delete(key);
  if (owner === undefined) {
    if (rows.size === 0) return;
    throw stopError(`the state of ${source} in ${topic} has no beginning`, REMOVED);
  }
  const { schema } = JSON.parse(owner) as { schema: number };
  if (schema === SCHEMA_VERSION) return;
  throw stopError(
    `the state of ${source} in ${topic} was written by another version of Sluice (schema ${schema}, this one knows ${SCHEMA_VERSION})`,
    'Run the version that wrote it.',
  );
}

const REMOVED =
  'Was the topic made without cleanup.policy=compact, or were records of it deleted? What was delivered is not known any more: choose another `topic` for `coordination`, and everything in range is shipped again, under the same ids.';

function explained(error: unknown, { source, topic }: KafkaStateOptions): unknown {
  if (error instanceof SluiceError) return error;
  if (typeOf(error) === 'OFFSET_OUT_OF_RANGE')
    return stopError(
      `the first records of ${topic} were removed, and with them the state of ${source}`,
      REMOVED,
      error,
    );
  return error;
}

async function filled(
  options: KafkaStateOptions,
  rows: ReadonlyMap<string, string>,
  producer: StateProducer,
  drop: () => void,
): Promise<KafkaState> {
  const { source } = options;
  let database: DatabaseSync | undefined;
  const copy = (opened: DatabaseSync) => {
    database = opened;
  };
  const path = copyOf(options, source);
  const local = openState({ ...options, path, exclusive: true, copy });
  try {
    if (rows.size > 0) await restoreRows(database as unknown as DatabaseSync, rows);
    const capture = captureChanges(database as unknown as DatabaseSync, source);
    if (rows.size === 0) capture.takeAll();
    const writer = openWriter(options, capture, producer);
    await writer.settled();
    return {
      store: withSettled(local, writer.settled),
      restored: rows.size,
      settled: writer.settled,
      lost: writer.lost,
      async close() {
        writer.end();
        await producer.close();
        drop();
        local.close();
      },
    };
  } catch (error) {
    local.close();
    throw error;
  }
}

interface Writer extends Pick<KafkaState, 'settled' | 'lost'> {
  end(): void;
}

/** One transaction at a time; who asks meanwhile waits for the next one, which has everything so far. */
function openWriter(options: KafkaStateOptions, capture: Capture, producer: StateProducer): Writer {
  const { source, topic, holds = () => true } = options;
  const lost = Promise.withResolvers<Error>();
  let failure: SluiceError | undefined;
  let current: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  const fail = (error: SluiceError): never => {
    failure ??= error;
    lost.resolve(failure);
    throw failure;
  };
  const require = (): void => {
    if (failure !== undefined) throw failure;
    if (!holds()) fail(overdue(source));
  };
  const owner: RowChange = { key: JSON.stringify([source, OWNER]), value: JSON.stringify({ schema: SCHEMA_VERSION }) };
  let isBegun = false;
  const write = async (): Promise<void> => {
    require();
    const changes = capture.take();
    // Without a change, too: only a commit proves that nobody has followed.
    const rows = isBegun && changes.length > 0 ? changes : [owner, ...changes];
    await producer.write(rows).catch((error: unknown) => fail(unwritten(error, source, topic)));
    isBegun = true;
    require(); // the process may have stood still meanwhile
  };
  return {
    lost: lost.promise,
    settled() {
      next ??= current
        .catch(() => {})
        .then(() => {
          next = undefined;
          current = write();
          return current;
        });
      return next;
    },
    end() {
      failure ??= new SluiceError(`the state of ${source} is closed`, { action: 'retry' });
    },
  };
}

const FENCED = new Set(['INVALID_PRODUCER_EPOCH', '90']);

function unwritten(error: unknown, source: string, topic: string): SluiceError {
  if (FENCED.has(typeOf(error) ?? ''))
    return new SluiceError(`another instance has taken over ${source}`, {
      action: 'retry',
      advice: 'This one goes on with the sources that it is given.',
      cause: error,
    });
  return new SluiceError(`the state of ${source} cannot be written to ${topic}: ${messageOf(error)}`, {
    action: 'retry',
    advice: `Check that the brokers run. ${NOTHING_LOST}`,
    cause: error,
  });
}

function overdue(source: string): SluiceError {
  return new SluiceError(
    `${source} may belong to another instance by now: the brokers were not heard from for too long`,
    {
      action: 'retry',
      advice: `Check the network and the load of this machine. ${NOTHING_LOST}`,
    },
  );
}

/** What a person pauses is durable without a batch that would say so. */
function withSettled(store: StateStore, settled: () => Promise<void>): StateStore {
  const soon = (): void => void settled().catch(() => {}); // `lost` tells of it
  return {
    ...store,
    pipeline: (name) => ({ ...store.pipeline(name), settled }),
    setPause(pause) {
      store.setPause(pause);
      soon();
    },
    endPause(source, stream) {
      const isEnded = store.endPause(source, stream);
      soon();
      return isEnded;
    },
  };
}
