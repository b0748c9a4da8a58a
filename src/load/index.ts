/**
 * `sluice load`: carries the topics of a Kafka sink into Elasticsearch as a member of a consumer group. An offset is
 * committed once every record before it is in the cluster or kept aside; ids make repetitions harmless, and what an earlier
 * owner of a partition may have tried is looked up before it is written (docs/decisions/0096).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf, SluiceError, stopError } from '../api/errors.ts';
import type { Sink } from '../api/sink.ts';
import { type Backoff, backoffOf } from '../sinks/backoff.ts';
import { connectKafka, scrubber, within } from '../sinks/kafka/connection.ts';
import { judge, typeOf, type Where } from '../sinks/kafka/errors.ts';
import { rejectedOf, type WholeSettings, withDefaults } from '../sinks/kafka/settings.ts';
import { topicsOf } from '../sinks/kafka/setup.ts';
import { type GroupTools, isNoMember } from './assignment.ts';
import { consume } from './group.ts';
import type { LoadStatistics } from './statistics.ts';
import { demandTopics, endsOf } from './topics.ts';

export interface TopicLoad {
  /** Of the Kafka sink, with the places whose topics are meant. */
  from: Parameters<typeof withDefaults>[0];
  sink: Pick<Sink, 'write' | 'recover'>;
  group: string;
  /** Only to the ends that the topics have at the start. */
  once: boolean;
  statistics: LoadStatistics;
  topics: readonly string[];
  log: Logger;
  now: () => number;
  lived: () => number;
  stop: AbortSignal;
  hardStop: AbortSignal;
  sessionMs?: number;
}

const AGAIN_MS = 2000;

/** The topics of a Kafka sink; with `rejected` those in which is kept aside what could not be loaded. */
export function loadedTopics(from: TopicLoad['from'], rejected: boolean): string[] {
  const topics = topicsOf(withDefaults(from));
  return rejected ? topics.map(rejectedOf) : topics;
}

/** Until the stop signal, or with `once` until everything that was there is dealt with. */
export async function load(options: TopicLoad): Promise<void> {
  const { group, topics, statistics, log, stop, lived, once } = options;
  const settings = withDefaults(options.from);
  const who = `Kafka at ${settings.brokers.join(', ')}`;
  const newBackoff = backoffOf(who, settings, log, lived);
  const tools: Omit<GroupTools, 'progress'> = { ...options, settings, newBackoff };
  const where = whereOf(options, settings, who);
  let backoff = newBackoff();
  const progress = () => {
    backoff.progress();
    statistics.waiting = undefined;
  };
  let ends: Map<string, bigint> | undefined;
  while (!stop.aborted) {
    try {
      ends ??= await prepare(settings, topics, log, who);
      await consume({ ...tools, progress }, stop, once ? ends : undefined);
      return;
    } catch (error) {
      if (stop.aborted) {
        log.warn(
          `stopped: the last portion is not confirmed (${where.scrub(messageOf(error))}); the next start looks it up`,
        );
        return;
      }
      statistics.waiting = where.scrub(messageOf(error));
      try {
        await wait(error, { backoff, where, log, stop, group });
      } catch (late) {
        if (once || !mayPass(late)) throw late;
        backoff = newBackoff(); // it was told, and goes on
      }
    }
  }
}

/** The ends of the partitions that hold records. */
async function prepare(settings: WholeSettings, topics: readonly string[], log: Logger, who: string) {
  const connection = connectKafka(settings, log);
  try {
    const looking = connection.withAdmin(async (admin) => {
      await demandTopics(admin, topics, who);
      return endsOf(admin, topics);
    });
    const ends = await within(settings.timeoutMs * 2, 'looking for the topics', looking);
    return new Map([...ends].flatMap(([name, { low, high }]) => (low < high ? [[name, high] as const] : [])));
  } finally {
    connection.drop();
  }
}

interface Waiting {
  backoff: Backoff;
  where: Where;
  log: Logger;
  stop: AbortSignal;
  group: string;
}

/** Resolves when it is worth another try; throws what only a person can mend, and trouble that lasts. */
async function wait(error: unknown, { backoff, where, log, stop, group }: Waiting): Promise<void> {
  const ours = oursIn(error);
  if (ours !== undefined) {
    if (!mayPass(ours)) throw ours;
    log.warn({ advice: ours.advice, 'sluice.group': group }, `${ours.message}; going on from what is committed`);
    return void (await sleep(AGAIN_MS, undefined, { signal: stop }).catch(() => {}));
  }
  if (isNoMember(error)) return void (await sleep(AGAIN_MS, undefined, { signal: stop }).catch(() => {}));
  const verdict = judge(error, where);
  const quietly = (waiting: Promise<void>) =>
    waiting.catch((late: unknown) => {
      if (!stop.aborted) throw late;
    });
  if (verdict.kind === 'trouble') return quietly(backoff.wait(verdict, stop));
  if (verdict.kind === 'stop') return quietly(backoff.wait({ refusal: withRights(verdict.error, error, where) }, stop));
  const why = `cannot be read: ${where.scrub(messageOf(error))}`;
  return quietly(backoff.wait({ why, advice: 'Check that the topics are there, and that the brokers run.' }, stop));
}

function oursIn(error: unknown): SluiceError | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++)
    if (each instanceof SluiceError) return each;
  return undefined;
}

function mayPass(error: unknown): boolean {
  return error instanceof SluiceError && error.action === 'retry';
}

function whereOf({ group, topics }: TopicLoad, settings: WholeSettings, who: string): Where {
  const id = `${settings.transactionalIdPrefix}-load-*`;
  return { who, transactionalId: id, markerTopic: '', groups: group, topics: [...topics], scrub: scrubber(settings) };
}

/** The rights that reading needs are others than those of the sink. */
function withRights(
  refusal: SluiceError,
  error: unknown,
  { who, groups, topics, transactionalId }: Where,
): SluiceError {
  if (!typeOf(error)?.endsWith('AUTHORIZATION_FAILED')) return refusal;
  return stopError(
    `${who} does not allow the topics to be read (${typeOf(error)})`,
    `The account needs Describe and Read on the topics ${topics.join(', ')}, Read on the consumer group ${groups}, and Describe and Write on the topics that end in .rejected and on the transactional ids ${transactionalId}.`,
  );
}
