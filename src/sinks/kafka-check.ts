/** `sluice check` for Kafka: looks, and writes nothing but the name of a producer that never sends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { orAborted } from '../abort.ts';
import type { CheckLine } from '../types.ts';
import { connectKafka, within } from './kafka-connection.ts';
import { judge } from './kafka-errors.ts';
import { openSession } from './kafka-session.ts';
import { groupOf, transactionalIdOf, type WholeSettings } from './kafka-settings.ts';
import { explained, shapeOf, type TopicShape, topicsOf, whereOf } from './kafka-setup.ts';

export async function checkKafka(settings: WholeSettings, log: Logger, signal: AbortSignal): Promise<CheckLine[]> {
  const looked = await line(settings, 'Kafka reachable', () => look(settings, log, signal));
  if (looked.found === undefined) return [looked];
  const { topics, detail } = looked.found;
  return [
    { what: looked.what, ok: true, detail },
    ...[...topics].map(([topic, shape]) => topicLine(topic, shape, topic === settings.markerTopic)),
    await transactionsLine(settings, topics, log, signal),
  ];
}

function withoutFound({ found: _, ...rest }: CheckLine & { found?: unknown }): CheckLine {
  return rest;
}

/** A line, with what was found; what is thrown becomes a line too. */
async function line<T extends { detail: string }>(
  settings: WholeSettings,
  what: string,
  work: () => Promise<T>,
): Promise<CheckLine & { found?: T }> {
  try {
    const found = await work();
    return { what, ok: true, detail: found.detail, found };
  } catch (error) {
    if (error instanceof DOMException) throw error; // the person does not wait any more
    const { message, advice } = explained(error, settings);
    return { what, ok: false, detail: message, advice };
  }
}

interface Looked {
  detail: string;
  topics: Map<string, TopicShape | undefined>;
}

async function look(settings: WholeSettings, log: Logger, signal: AbortSignal): Promise<Looked> {
  const connection = connectKafka(settings, log);
  const names = [...topicsOf(settings), ...(settings.transactions ? [settings.markerTopic] : [])];
  const asking = connection.withAdmin(async (admin) => {
    const { brokers, clusterId } = await admin.describeCluster();
    const topics = new Map<string, TopicShape | undefined>();
    for (const name of names) topics.set(name, await shapeOf(admin, name));
    const count = `${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'}`;
    return { detail: `cluster ${clusterId}, ${count}, asked at ${settings.brokers.join(', ')}`, topics };
  });
  try {
    return await orAborted(within(settings.timeoutMs * 2, 'reading metadata', asking), signal);
  } finally {
    connection.drop();
  }
}

function topicLine(topic: string, shape: TopicShape | undefined, isMarker: boolean): CheckLine {
  const what = isMarker ? `Marker topic ${topic}` : `Topic ${topic}`;
  if (shape === undefined) return { what, ok: false, detail: 'is not there', advice: 'Run `sluice setup kafka` once.' };
  const { partitions, replication } = shape;
  const size = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, replication ${replication}`;
  return { what, ok: true, detail: replication > 1 ? size : `${size}: ${ALONE}` };
}

const ALONE =
  'what a broker loses is lost, and Kafka 4.4.0 can split a transaction when its only broker dies (KAFKA-20734)';

async function transactionsLine(
  settings: WholeSettings,
  topics: Looked['topics'],
  log: Logger,
  signal: AbortSignal,
): Promise<CheckLine> {
  if (settings.transactions && topics.get(settings.markerTopic) === undefined)
    return { what: 'Transactions', ok: true, detail: 'not tried: the marker topic is missing' };
  const tried = await line(settings, 'Transactions', () =>
    whenReady(settings, signal, () => tryTransactions(settings, log, signal)),
  );
  return withoutFound(tried);
}

/** A cluster makes its own topics at the first transaction of all, and takes none until they are there. */
const READY_WITHIN_MS = 15_000;
const LOOK_AGAIN_MS = 500;

async function whenReady<T>(settings: WholeSettings, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + READY_WITHIN_MS; ; await sleep(LOOK_AGAIN_MS, undefined, { signal })) {
    try {
      return await work();
    } catch (error) {
      const mayPass = !signal.aborted && judge(error, whereOf(settings)).kind === 'trouble';
      if (!mayPass || performance.now() > deadline) throw error;
    }
  }
}

/** Opening a producer and asking for a marker need the same rights as a delivery, but for Write on the topics. */
async function tryTransactions(settings: WholeSettings, log: Logger, signal: AbortSignal): Promise<{ detail: string }> {
  const id = transactionalIdOf(settings.transactionalIdPrefix, 'check');
  if (!settings.transactions) return { detail: 'off: documents are delivered at least once, and may come twice' };
  const session = await openSession(settings, id, log, signal);
  try {
    await orAborted(session.marker(groupOf(settings.transactionalIdPrefix, 'check', 'check')), signal);
    return { detail: `allowed, tried with the id ${id}` };
  } finally {
    session.drop();
  }
}
