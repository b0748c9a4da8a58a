/** The status of the pipelines that this process runs. */
import { setImmediate } from 'node:timers/promises';
import type { PipelinePlan } from '../../engine/build.ts';
import { factsOf } from '../../engine/jobs/estimate.ts';
import { openSwitchboard } from '../../engine/jobs/switchboard.ts';
import { jobViews } from '../../engine/jobs/views.ts';
import { type PreparedWatch, watchPrepared } from '../../observe/prepared.ts';
import { startServer } from '../../observe/server/server.ts';
import { daysRead } from '../../observe/status/days.ts';
import { objectiveOf, type Watched } from '../../observe/status/facts.ts';
import { iso, type JobStatus } from '../../observe/status/model.ts';
import { LEARNED_FROM_MS } from '../../observe/status/quiet.ts';
import { remembered } from '../../observe/status/remembered.ts';
import type { StateWord } from '../../observe/status/rules.ts';
import { createStatus, type StatusModel } from '../../observe/status/status.ts';
import type { PipelineState, StateStore } from '../../state/store.ts';
import type { CommandContext } from './command-context.ts';
import type { Cli } from './context.ts';
import type { Opened, Running } from './pipelines.ts';
import { withPlaces } from './select.ts';

/** What is shown, as it is at each time. */
export type Shown = Pick<Opened, 'store' | 'running'> & { built: Pick<Opened['built'], 'sinkTraffic' | 'lived'> };

export interface Served {
  model: StatusModel;
  close(): Promise<void>;
}

/** The status of these pipelines, told by HTTP where the config asks for that, until it is closed. */
export async function serveStatus(cli: Cli, context: CommandContext, opened: Shown): Promise<Served> {
  const { config, log } = context;
  await learnFromLedger(opened.store, opened.running, cli.now());
  const prepared = watchPrepared(
    config.sinks.map((sink) => withPlaces(context, sink)),
    { log, parts: context.tools.parts },
  );
  const model = openStatus(cli, context, opened, prepared);
  const { lost, redactor, nodeVersion } = cli;
  const switchboard = openSwitchboard(opened.store, () => opened.running.map(({ plan }) => plan), {
    now: cli.now,
    where: 'on the status page',
  });
  const server = await startServer(config.health, model, { log, lost, redactor, nodeVersion, switchboard }).catch(
    async (error: unknown) => {
      await prepared.stop();
      throw error;
    },
  );
  return {
    model,
    async close() {
      await prepared.stop();
      await server?.close();
    },
  };
}

function openStatus(
  cli: Cli,
  { config, tools }: CommandContext,
  { store, built, running }: Shown,
  prepared: PreparedWatch,
): StatusModel {
  // Asked anew each time: sources come and go where there are several instances.
  const seen = new WeakMap<Running, Watched>();
  const watchOne = (one: Running): Watched => {
    const watched = seen.get(one) ?? watch(one, one.pipeline.state, tools.now);
    seen.set(one, watched);
    return watched;
  };
  return createStatus({
    config: () => config,
    watched: () => running.map(watchOne),
    sinkTraffic: () => built.sinkTraffic,
    clocks: () => ({ nowMs: tools.now(), livedMs: built.lived() }),
    startedMs: tools.now(),
    version: cli.version,
    clockTrouble: () => cli.clock?.trouble(),
    jobs: remembered(() =>
      jobsOf(
        store,
        running.map(({ plan }) => plan),
        tools.now(),
      ),
    ),
    templatesCurrent: prepared.isCurrent,
  });
}

/** A pipeline as the status looks at it. */
export function watch(
  { plan, statistics }: Pick<Running, 'plan' | 'statistics'>,
  state: PipelineState,
  now: () => number,
): Watched {
  statistics.objectiveMs = objectiveOf(plan);
  const graceMs = 2 * plan.source.reading.pollMs + 30_000; // the next poll reads it anyway
  const isTimed = plan.registered.stream.mode === 'windows';
  return {
    ...{ statistics, plan },
    rejections: remembered(() => state.rejectionGroups()),
    days: remembered(() => (isTimed ? daysRead(state, now(), graceMs) : [])),
  };
}

export function jobsOf(store: StateStore, all: readonly PipelinePlan[], nowMs: number): JobStatus[] {
  const plans = new Map(all.map((plan) => [plan.name, plan]));
  const facts = (pipeline: string) => {
    const plan = plans.get(pipeline);
    return plan && factsOf(plan);
  };
  return jobViews(store, { nowMs, facts }).map((view): JobStatus => {
    const { id, kind, status, range, pipelines, part, records, finished, documents, rejected, leftMs, behind } = view;
    const counts = { part, records, finished, delivered: documents, rejected, behind };
    const secondsLeft = leftMs === undefined ? undefined : Math.round(leftMs / 1000);
    return { ...{ id, kind, status, pipelines, ...counts, secondsLeft }, from: iso(range.fromMs), to: iso(range.toMs) };
  });
}

/** Rows that are looked at without letting others go first. */
const ROWS_AT_ONCE = 20_000;

/** Reads from the ledger how long each stream was quiet. To be done before the first walk: times have to ascend. */
export async function learnFromLedger(
  store: Pick<StateStore, 'readings'>,
  running: readonly Pick<Running, 'statistics'>[],
  nowMs: number,
): Promise<void> {
  const byName = new Map(running.map(({ statistics }) => [statistics.name, statistics]));
  for (let after = 0; ; ) {
    const rows = store.readings(after, ROWS_AT_ONCE);
    for (const { pipeline, atMs, documents } of rows)
      if (atMs >= nowMs - LEARNED_FROM_MS) byName.get(pipeline)?.quiet.read(atMs, documents);
    after = rows.at(-1)?.id ?? after;
    if (rows.length < ROWS_AT_ONCE) break;
    await setImmediate();
  }
  for (const statistics of byName.values()) statistics.lastDocumentMs ??= statistics.quiet.lastMs();
}

const LOOK_MS = 5000;

/** A line for each change of a state, until it is stopped. Whoever reads the log sees the end of a trouble as well as its begin. */
export function tellStates(model: StatusModel, running: () => readonly Running[]): () => void {
  const told = new Map<string, StateWord>();
  const look = (): void => {
    const logs = new Map(running().map(({ statistics, pipeline }) => [statistics.name, pipeline.log]));
    for (const { watched, verdict } of model.judged()) {
      const { name } = watched.statistics;
      const before = told.get(name) ?? 'healthy';
      told.set(name, verdict.state);
      if (before === verdict.state) continue;
      const isBad = verdict.state === 'failing' || verdict.state === 'stopped' || verdict.state === 'silent';
      const fields = {
        'sluice.state': verdict.state,
        'sluice.state_before': before,
        'sluice.why': verdict.reason || undefined,
      };
      logs
        .get(name)
        ?.[isBad ? 'warn' : 'info']({ ...fields, advice: verdict.advice }, `${verdict.state}, was ${before}`);
    }
  };
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
  };
}
