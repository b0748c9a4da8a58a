/** The status as far as the state remembers it, for when no `sluice run` answers. */
import { build, type PipelinePlan } from '../../engine/build.ts';
import { pauseOf } from '../../engine/jobs/pauses.ts';
import { createStatistics, type Statistics } from '../../observe/statistics.ts';
import type { Status } from '../../observe/status/model.ts';
import { createStatus } from '../../observe/status/status.ts';
import { newWalk } from '../../observe/status/walks.ts';
import { openState } from '../../state/sqlite.ts';
import type { PipelineState, StateStore } from '../../state/store.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { remember } from '../shared/pipelines.ts';
import { jobsOf, learnFromLedger, watch } from '../shared/status.ts';
import { requireState } from '../shared/stored.ts';

/** Reads only, and makes nothing: a pipeline that the state does not know is left out. */
export async function statusFromState(cli: Cli, context: CommandContext): Promise<Status> {
  requireState(context);
  const store = openState({ ...context.state, now: cli.now, exclusive: false });
  const built = build(context.config, context.tools, false);
  try {
    const known = new Set(store.pipelines());
    const plans = built.plans.filter(({ name }) => known.has(name));
    const all = plans.map((plan) => ({
      plan,
      statistics: statisticsOf(cli, plan, store),
      state: store.pipeline(plan.name),
    }));
    await learnFromLedger(store, all, cli.now());
    const watched = all.map((one) => watch(one, one.state, cli.now));
    const nowMs = cli.now();
    const model = createStatus({
      ...{ config: () => context.config, watched: () => watched, sinkTraffic: () => built.sinkTraffic },
      ...{ clocks: () => ({ nowMs, livedMs: nowMs }), startedMs: nowMs, version: cli.version },
      ...{ clockTrouble: () => undefined, jobs: () => jobsOf(store, plans, nowMs) },
    });
    return { ...model.made(), isRunning: false };
  } finally {
    await built.close();
    store.close();
  }
}

function statisticsOf(cli: Cli, plan: PipelinePlan, store: StateStore): Statistics {
  const state = store.pipeline(plan.name);
  const statistics = createStatistics(plan.name, cli.now);
  remember(statistics, plan, state);
  statistics.owed = state.counts().owed;
  statistics.paused = pauseOf(store.pauses(), plan.name, cli.now());
  noteWalks(statistics, state);
  return statistics;
}

function noteWalks(statistics: Statistics, state: PipelineState): void {
  for (const { walk, kind, finishedAtMs } of state.walks()) {
    if (kind === 'backfill') continue;
    statistics.walks.set(walk, { ...newWalk(kind), lastSuccessMs: finishedAtMs });
    if (finishedAtMs !== undefined) statistics.lastSuccessMs = Math.max(finishedAtMs, statistics.lastSuccessMs ?? 0);
  }
}
