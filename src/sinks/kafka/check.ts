/** `sluice check` for Kafka: looks, and writes nothing but the name of a producer that never sends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { Logger } from 'pino';
import { orAborted } from '../../api/abort.ts';
import type { CheckLine } from '../../api/sink.ts';
import { connectKafka, FEW_RETRIES, within } from './connection.ts';
import { judge, typeOf } from './errors.ts';
import { openSession, TOPIC } from './session.ts';
import { groupOf, transactionalIdOf, type WholeSettings } from './settings.ts';
import { explained, shapeOf, type TopicShape, topicsOf, whereOf } from './setup.ts';

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

/** A line with what `work` found, or with the error that it threw. */
async function line<T extends { detail: string }>(
  settings: WholeSettings,
  what: string,
  work: () => Promise<T>,
): Promise<CheckLine & { found?: T }> {
  try {
    const found = await work();
    return { what, ok: true, detail: found.detail, found };
  } catch (error) {
    if (error instanceof DOMException) throw error; // the caller waits no longer
    const { message, advice } = explained(error, settings);
    return { what, ok: false, detail: message, advice };
  }
}

interface Looked {
  detail: string;
  topics: Map<string, Topic | undefined>;
}

interface Topic extends TopicShape {
  /** By name; undefined where they may not be read (DescribeConfigs on the topic). */
  rules: Record<string, string> | undefined;
}

/** Settings of a topic that may lose delivered documents, or take none. */
const RULES = ['cleanup.policy', 'unclean.leader.election.enable', 'min.insync.replicas'];

async function rulesOf(admin: Admin, topic: string): Promise<Topic['rules']> {
  const resources = [{ type: TOPIC, name: topic, configNames: RULES }];
  const answer = await admin.describeConfigs({ resources, includeSynonyms: false }).catch((error: unknown) => {
    if (typeOf(error) === 'TOPIC_AUTHORIZATION_FAILED') return undefined;
    throw error;
  });
  const entries = answer?.resources[0]?.configEntries;
  return entries && Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
}

async function look(settings: WholeSettings, log: Logger, signal: AbortSignal): Promise<Looked> {
  const connection = connectKafka(settings, log, FEW_RETRIES);
  const names = [...topicsOf(settings), ...(settings.transactions ? [settings.markerTopic] : [])];
  const asking = connection.withAdmin(async (admin) => {
    const { brokers, clusterId } = await admin.describeCluster();
    const topics: Looked['topics'] = new Map();
    for (const name of names) {
      const shape = await shapeOf(admin, name);
      const isForDocuments = name !== settings.markerTopic;
      topics.set(name, shape && { ...shape, rules: isForDocuments ? await rulesOf(admin, name) : {} });
    }
    const count = `${brokers.length} ${brokers.length === 1 ? 'broker' : 'brokers'}`;
    return { detail: `cluster ${clusterId}, ${count}, asked at ${settings.brokers.join(', ')}`, topics };
  });
  try {
    return await orAborted(within(settings.timeoutMs * 2, 'reading metadata', asking), signal);
  } finally {
    connection.drop();
  }
}

function topicLine(topic: string, found: Topic | undefined, isMarker: boolean): CheckLine {
  const what = isMarker ? `Marker topic ${topic}` : `Topic ${topic}`;
  if (found === undefined) return { what, ok: false, detail: 'is not there', advice: 'Run `sluice setup kafka` once.' };
  const { partitions, replication } = found;
  const size = `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, replication ${replication}`;
  const harms = harmsOf(topic, found);
  if (harms.length > 0) {
    const detail = [size, ...harms.map(({ harm }) => harm)].join('; ');
    return { what, ok: false, detail, advice: harms.map(({ advice }) => advice).join(' ') };
  }
  const notes = [size];
  if (replication === 1) notes.push(ALONE);
  if (found.rules === undefined) notes.push('whether it is compacted cannot be seen (DescribeConfigs on the topic)');
  return { what, ok: true, detail: notes.join('; ') };
}

function harmsOf(topic: string, { replication, rules = {} }: Topic): { harm: string; advice: string }[] {
  const harms: { harm: string; advice: string }[] = [];
  const alter = (setting: string) =>
    `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
  if (/\bcompact\b/.test(rules['cleanup.policy'] ?? '')) {
    const harm = 'it is compacted (cleanup.policy): of the revisions of a record only the last is kept';
    harms.push({ harm, advice: `Set cleanup.policy to delete (${alter('cleanup.policy=delete')}).` });
  }
  if (rules['unclean.leader.election.enable'] === 'true') {
    const harm = 'a replica that lacks acknowledged records may lead it (unclean.leader.election.enable)';
    harms.push({ harm, advice: `Switch that off (${alter('unclean.leader.election.enable=false')}).` });
  }
  const needed = Number(rules['min.insync.replicas'] ?? 1);
  if (needed > replication) {
    const harm = `it takes nothing: min.insync.replicas is ${needed}`;
    harms.push({
      harm,
      advice: `Give it more replicas, or lower that (${alter(`min.insync.replicas=${replication}`)}).`,
    });
  }
  return harms;
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

/** A cluster makes its internal topics at its very first transaction, and takes no transaction until they exist. */
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

/** Opening a producer and asking for a marker need the same rights as a delivery, except Write on the topics. */
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
