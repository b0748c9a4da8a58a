/** `sluice plan backfill`: what it would take, before it is begun. */
import { type Command, Option } from 'commander';
import { usageError } from '../../api/errors.ts';
import { build, type PipelinePlan } from '../../engine/build.ts';
import { plural, showBytes, showCount, showDuration } from '../../observe/show.ts';
import { hasState } from '../../state/files.ts';
import { openState } from '../../state/sqlite.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, positive, withCommon } from '../shared/options.ts';
import { impatient } from '../shared/probe.ts';
import { readRange } from '../shared/range.ts';
import { chosenPlans } from '../shared/select.ts';
import { table } from '../shared/table.ts';
import { type Planned, planPipeline } from './probe.ts';

interface PlanOptions extends CommonOptions {
  from?: string;
  to?: string;
  stream?: string[];
  source?: string[];
  as?: 'event';
  rate?: number;
}

interface SourcePlan {
  source: string;
  requests: number;
  requestsPerSecond: number;
  durationMs: number;
  /** Alerts that are raised, and that are shipped as events since they are above the limit. */
  alerts: number;
  alertsHeld: number;
}

export function addPlan(program: Command, cli: Cli): void {
  const plan = program.command('plan').description('what something would take, before it is begun');
  const command = plan
    .command('backfill')
    .description('requests, time, documents, bytes and alerts of a backfill; asks for counts and a few records')
    .option('--from <time>', 'where it would begin: ISO time, date (UTC) or age (30d, 24h)')
    .option('--to <time>', 'where it would end (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .addOption(new Option('--as <kind>', 'as plain events, which raise no alerts').choices(['event']))
    .option('--rate <n>', 'requests a second (default: rate of the source)', positive);
  withCommon(command).action((options: PlanOptions) => planBackfill(cli, options));
}

async function planBackfill(cli: Cli, options: PlanOptions): Promise<void> {
  if (options.from === undefined)
    throw usageError('--from is missing', 'Say where it would begin, e.g. `sluice plan backfill --from 30d`.');
  const range = readRange(options.from, options.to, cli.now());
  const context = await openCommand(cli, options);
  const built = build(impatient(context.config), context.tools, false);
  const store = hasState(context.config.state.path)
    ? openState({ ...context.state, now: cli.now, exclusive: false })
    : undefined;
  try {
    const chosen = chosenPlans(built.plans, options);
    const known = new Set(store?.pipelines());
    const work = chosen.map((plan) => {
      const state = known.has(plan.name) ? store?.pipeline(plan.name) : undefined;
      return planPipeline({ context, plan, state, range, as: options.as, signal: cli.signal });
    });
    const planned = await Promise.all(work);
    print(cli, options, chosen, planned);
  } finally {
    store?.close();
    await built.close();
  }
}

function print(cli: Cli, options: PlanOptions, chosen: readonly PipelinePlan[], planned: readonly Planned[]): void {
  const sources = [...new Set(chosen.map(({ source }) => source))].map((source) =>
    sourcePlan(
      source,
      planned.filter((one) => one.source === source.name),
      options.rate,
    ),
  );
  const durationMs = Math.max(0, ...sources.map((one) => one.durationMs));
  const sum = (member: 'requests' | 'documents' | 'bytes' | 'alerts') =>
    planned.reduce((all, one) => all + one[member], 0);
  if (options.json) {
    const total = { requests: sum('requests'), documents: sum('documents'), bytes: sum('bytes') };
    const alerts = sources.reduce((all, one) => all + one.alerts, 0);
    cli.stdout.json({ ...total, alerts, durationMs, sources, pipelines: planned });
    return;
  }
  const head = ['pipeline', 'records', 'known', 'requests', 'documents', 'bytes', 'alerts', 'looked at'];
  const rows = planned.map((one) => [
    ...[one.pipeline, showCount(one.records), showCount(one.known), showCount(one.requests)],
    ...[showCount(one.documents), showBytes(one.bytes), showCount(one.alerts), plural(one.sampled, 'record')],
  ]);
  cli.stdout.lines(table([head, ...rows]));
  for (const one of sources) cli.stdout.line(sourceLine(one));
  cli.stdout.line(
    `all of it: about ${showDuration(durationMs)}, ${plural(sum('documents'), 'document')}, ${showBytes(sum('bytes'))}`,
  );
}

function sourcePlan(source: PipelinePlan['source'], ours: readonly Planned[], rate: number | undefined): SourcePlan {
  const requestsPerSecond = rate ?? source.rate.requestsPerSecond;
  const requests = ours.reduce((all, one) => all + one.requests, 0);
  const durationMs = Math.round((requests / requestsPerSecond) * 1000);
  const raised = ours.reduce((all, one) => all + one.alerts, 0);
  // In how many hours of the clock it is under way at least.
  const most = (source.maxAlertsPerHour ?? Number.POSITIVE_INFINITY) * Math.max(1, Math.ceil(durationMs / 3_600_000));
  const alerts = Math.min(raised, most * new Set(ours.map(({ pipeline }) => pipeline.split('/').at(-1))).size);
  return { source: source.name, requests, requestsPerSecond, durationMs, alerts, alertsHeld: raised - alerts };
}

function sourceLine({ source, requests, requestsPerSecond, durationMs, alerts, alertsHeld }: SourcePlan): string {
  const held = alertsHeld > 0 ? `, ${showCount(alertsHeld)} more as events (alerts.max_per_hour)` : '';
  const time = `about ${showDuration(durationMs)} at ${requestsPerSecond} a second`;
  return `${source}: ${plural(requests, 'request')}, ${time}; ${plural(alerts, 'alert')}${held}`;
}
