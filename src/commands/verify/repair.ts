/** `sluice verify --repair`: an ordinary backfill ships what the comparison found missing. */
import { recover } from '../../engine/recover.ts';
import { finishJobs } from '../../engine/schedule.ts';
import { mendBeside } from '../../engine/verify/beside.ts';
import { shipOlder } from '../../engine/verify/older.ts';
import { payOwed } from '../../engine/verify/reading.ts';
import { planRepair, prepareRepair } from '../../engine/verify/repair.ts';
import { plural, showCount } from '../../observe/show.ts';
import type { StateStore } from '../../state/store.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { runJob, unfinishedOrNew } from '../shared/jobs.ts';
import { openPipelines, type Running } from '../shared/pipelines.ts';
import type { Compared, VerifyOptions } from './result.ts';

export async function repairAll(
  cli: Cli,
  context: CommandContext,
  options: VerifyOptions,
  found: readonly Compared[],
): Promise<void> {
  const broken = found.filter(
    ({ differences, beside }) => differences.some(({ kind }) => kind !== 'expired') || (beside?.missing ?? 0) > 0,
  );
  if (broken.length === 0) return;
  const names = broken.map(({ pipeline }) => pipeline);
  const { state, raw } = context.config;
  const kept = raw.keep ? state.path : undefined;
  const opened = openPipelines(context, (plans) => plans.filter(({ name }) => names.includes(name)));
  try {
    for (const one of broken) {
      const running = opened.running.find(({ pipeline }) => pipeline.name === one.pipeline) as Running;
      const { beyond, removed } = await repair(cli, opened.store, running, one, options, kept);
      const besides = one.beside === undefined ? 0 : await mendBeside(running.pipeline, one.range, cli.signal);
      const { delivered } = running.statistics;
      if (options.json)
        cli.stdout.json({ pipeline: one.pipeline, repaired: true, shipped: delivered, removed, besides, beyond });
      else {
        cli.stdout.line(
          `${one.pipeline}: ${plural(delivered, 'document')} shipped${removed > 0 ? `, ${showCount(removed)} removed` : ''}`,
        );
        if (besides > 0) cli.stdout.line(`  ${showCount(besides)} ${one.beside?.what} made beside them`);
        for (const [why, count] of Object.entries(beyond))
          cli.stdout.line(`  beyond repair: ${showCount(count)}: ${why}`);
      }
    }
  } finally {
    await opened.close();
  }
}

async function repair(
  cli: Cli,
  store: StateStore,
  running: Running,
  { range, differences }: Compared,
  { as, removeDoubles = false }: VerifyOptions,
  path: string | undefined,
): Promise<{ beyond: Record<string, number>; removed: number }> {
  const { pipeline } = running;
  await recover(pipeline, cli.signal);
  const plan = planRepair(differences);
  const surplus = removeDoubles ? plan.doubled.flatMap(({ surplus = [] }) => surplus) : [];
  if (surplus.length > 0) await pipeline.sink.remove?.(surplus, cli.signal);
  if (plan.needsWalk) {
    prepareRepair(pipeline.state, plan, pipeline.registered.stream.mode === 'children');
    await ship(cli, store, running, range, as);
  }
  const { older } = plan;
  const signal = cli.signal;
  const shipped =
    older.length > 0 && path !== undefined
      ? await shipOlder(pipeline, path, older, { as: as === 'event' ? as : undefined, signal })
      : 0;
  const beyond = {
    'what is there twice is not removed without --remove-doubles': removeDoubles ? 0 : plan.doubled.length,
    'an older revision cannot be had again, and is not kept (`raw.keep`)': older.length - shipped,
    'nobody knows whether it belongs there': plan.unknown.length,
  };
  return {
    beyond: Object.fromEntries(Object.entries(beyond).filter(([, count]) => count > 0)),
    removed: surplus.length,
  };
}

async function ship(
  cli: Cli,
  store: StateStore,
  running: Running,
  { fromMs, toMs }: { fromMs: number; toMs: number },
  as: VerifyOptions['as'],
): Promise<void> {
  const { pipeline } = running;
  const time = (ms: number) => ({ ms, ageMs: undefined });
  const wanted = {
    from: time(fromMs),
    to: time(toMs),
    pipelines: [pipeline.name],
    as: as === 'event' ? as : undefined,
    kind: 'backfill' as const,
  };
  const { job } = unfinishedOrNew(store, wanted, cli.now());
  await runJob(running, job, cli.signal);
  finishJobs(store);
  await payOwed(pipeline, cli.signal);
}
