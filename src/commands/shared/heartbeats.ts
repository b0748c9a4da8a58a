/** The heartbeats of a running Sluice: one for each source and sink, beside the pipelines, which do not know of them. */
import type { EcsDocument } from '../../api/document.ts';
import type { Sink } from '../../api/sink.ts';
import { createHeartbeat, HEARTBEAT, type Heart, keepBeating } from '../../engine/heartbeat.ts';
import { type Counted, countedBy, heartbeatOf, NOTHING_COUNTED } from '../../observe/heartbeat.ts';
import type { Judgement } from '../../observe/status/rules.ts';
import type { StatusModel } from '../../observe/status/status.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import type { Opened, Running } from './pipelines.ts';

interface Heartbeats {
  /** With `once`, when all has been read: nothing else would tell of it. */
  last(): Promise<void>;
  /** Resolves when nothing is under way any more. */
  stop(): Promise<void>;
}

/** Where the config asks for none, there are none. With `once` they wait for `last`. */
export function startHeartbeats(
  cli: Cli,
  context: CommandContext,
  opened: Opened,
  status: StatusModel,
  once: boolean,
): Heartbeats {
  const ends = new AbortController();
  const hearts = heartsOf(cli, context, opened, status).map((heart) => ({ heart, beating: createHeartbeat(heart) }));
  const signal = AbortSignal.any([cli.signal, ends.signal]);
  const loops = once ? [] : hearts.map(({ heart, beating }) => keepBeating(beating, heart, signal));
  return {
    async last() {
      await Promise.all(hearts.map(({ beating }) => beating.beat()));
    },
    async stop() {
      ends.abort();
      await Promise.all(loops);
    },
  };
}

function heartsOf(
  cli: Cli,
  { config, log, tools }: CommandContext,
  { built, store, running }: Opened,
  status: StatusModel,
): Heart[] {
  const { heartbeat } = config;
  if (heartbeat === undefined) return [];
  const groups = Map.groupBy(running, ({ plan }) => `${plan.source.name}/${HEARTBEAT.name}/${plan.sinkName}`);
  return [...groups].map(([name, ours]): Heart => {
    const [{ plan }] = ours as [Running, ...Running[]];
    const counted = new Map<string, Counted>();
    /** What the documents under way have counted. */
    const told = new Map<string, Counted>();
    return {
      ...{ name, source: plan.source.name, everyMs: heartbeat.everyMs, log, now: cli.now, hardStop: tools.hardStop },
      sink: built.sinks.get(plan.sinkName) as Sink,
      state: store.pipeline(name),
      documents: () => {
        const verdicts = new Map(status.judged().map(({ watched, verdict }) => [watched.statistics.name, verdict]));
        return new Map(ours.map((one) => [one.plan.name, documentOf(one, verdicts.get(one.plan.name))]));
      },
      taken: () => {
        for (const [pipeline, counts] of told) counted.set(pipeline, counts);
      },
    };

    function documentOf(one: Running, verdict: Judgement | undefined): EcsDocument {
      const { statistics } = one;
      told.set(statistics.name, countedBy(statistics));
      return heartbeatOf(statistics, counted.get(statistics.name) ?? NOTHING_COUNTED, {
        ...{ agentId: store.id, version: cli.version, everyMs: heartbeat?.everyMs ?? 0, nowMs: cli.now() },
        ...{ source: one.plan.source, stream: one.plan.registered.stream.name, sink: one.plan.sinkName },
        condition: { status: verdict?.state ?? 'healthy', why: verdict?.reason || undefined },
      });
    }
  });
}
