/** `sluice verify --repair`: an ordinary backfill ships what the comparison found missing. */
import type { Pipeline } from '../../engine/pipeline.ts';
import { recover } from '../../engine/recover.ts';
import { shipOlder } from '../../engine/verify/older.ts';
import { OLDER, openRepair } from '../../engine/verify/repair.ts';
import { runWalk } from '../../engine/walk.ts';
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
  const broken = found.filter(({ differences }) => differences.some(({ kind }) => kind !== 'expired'));
  if (broken.length === 0) return;
  const names = broken.map(({ pipeline }) => pipeline);
  const { state, raw } = context.config;
  const kept = raw.keep ? state.path : undefined;
  const opened = openPipelines(context, (plans) => plans.filter(({ name }) => names.includes(name)));
  try {
    for (const one of broken) {
      const running = opened.running.find(({ pipeline }) => pipeline.name === one.pipeline) as Running;
      const { beyond, removed } = await repair(cli, opened.store, running, one, options, kept);
      const { delivered } = running.statistics;
      if (options.json)
        cli.stdout.json({ pipeline: one.pipeline, repaired: true, shipped: delivered, removed, beyond });
      else {
        cli.stdout.line(
          `${one.pipeline}: ${plural(delivered, 'document')} shipped${removed > 0 ? `, ${showCount(removed)} removed` : ''}`,
        );
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
  const mode = pipeline.registered.stream.mode;
  const plan = openRepair(pipeline.state, mode === 'children', removeDoubles);
  const beyond: Record<string, number> = {};
  for (const difference of differences) {
    const why = plan.take(difference);
    if (why !== undefined) beyond[why] = (beyond[why] ?? 0) + 1;
  }
  const surplus = removeDoubles
    ? differences.flatMap(({ kind, surplus = [] }) => (kind === 'doubled' ? surplus : []))
    : [];
  if (surplus.length > 0) await pipeline.sink.remove?.(surplus, cli.signal);
  if (plan.apply()) await ship(cli, store, running, range, as);
  const older = differences.filter(({ kind, isOlder }) => kind === 'missing' && isOlder);
  if (older.length > 0 && path !== undefined) {
    const shipped = await shipOlder(pipeline, path, older, { as: as === 'event' ? as : undefined, signal: cli.signal });
    beyond[OLDER] = older.length - shipped;
    if (beyond[OLDER] === 0) delete beyond[OLDER];
  }
  return { beyond, removed: surplus.length };
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
  };
  const { job } = unfinishedOrNew(store, wanted, cli.now());
  await runJob(running, job, cli.signal);
  store.setJob(job.id, 'done');
  await payOwed(pipeline, cli.signal);
}

/** Details that could not be had at once. */
async function payOwed(pipeline: Pipeline, signal: AbortSignal): Promise<void> {
  if (pipeline.state.owed(Number.MAX_SAFE_INTEGER, 1).length === 0) return;
  await runWalk(
    pipeline,
    { id: 'refresh', kind: 'refresh', range: { fromMs: 0, toMs: pipeline.now() }, once: true },
    signal,
  );
}
