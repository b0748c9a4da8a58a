/** `sluice backfill`: ships a range of history, by itself or by the `sluice run` that holds the state. */
import { type Command, Option } from 'commander';
import { usageError } from '../../api/errors.ts';
import { build, type PipelinePlan } from '../../engine/build.ts';
import { isOver } from '../../engine/jobs/control.ts';
import type { Config } from '../../engine/settings.ts';
import { readTime, showTime } from '../../observe/show.ts';
import { isStateInUse } from '../../state/sqlite.ts';
import type { JobRow, StateStore } from '../../state/store.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { unfinishedOrNew, type Wanted } from '../shared/jobs.ts';
import { ADOPT, type CommonOptions, positive, withCommon } from '../shared/options.ts';
import { ownJob } from '../shared/own-job.ts';
import { inOrder } from '../shared/range.ts';
import { chosenPlans } from '../shared/select.ts';
import { withState } from '../shared/stored.ts';
import { followJob } from './follow.ts';

interface BackfillOptions extends CommonOptions {
  from?: string;
  to?: string;
  stream?: string[];
  source?: string[];
  as?: 'event';
  rate?: number;
  resume?: boolean;
  adopt?: boolean;
  gaps?: boolean;
  detach?: boolean;
}

export function addBackfill(program: Command, cli: Cli): void {
  const command = program
    .command('backfill')
    .description('ship a range of history; what was delivered before is not sent again')
    .option('--from <time>', 'where it begins: ISO time, date (UTC) or age (30d, 24h)')
    .option('--to <time>', 'where it ends (default: now); later than now for records of clocks that are ahead')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .addOption(new Option('--as <kind>', 'ship as plain events, so that history raises no alerts').choices(['event']))
    .option('--rate <n>', 'requests a second for this backfill (default: rate of the source)', positive)
    .option('--gaps', 'read only what is not proven to be delivered (`sluice gaps`)')
    .option('--resume', 'go on with the newest unfinished backfill')
    .option('--adopt', ADOPT)
    .option('--detach', 'leave it to the running `sluice run` and return at once');
  withCommon(command).action((options: BackfillOptions) => backfill(cli, options));
}

async function backfill(cli: Cli, options: BackfillOptions): Promise<void> {
  if (options.from === undefined && !options.resume && !options.gaps) {
    throw usageError(
      '--from is missing',
      'Say where to begin, e.g. `sluice backfill --from 30d`, or go on with `--resume`.',
    );
  }
  const context = await openCommand(cli, options);
  context.config = withRate(context.config, options.rate);
  const { plans } = build(context.config, context.tools, false);
  const chosen = chosenPlans(plans, options);
  const inUse = isStateInUse(context.state);
  if (!inUse && options.detach) {
    throw usageError('--detach needs a running `sluice run` that does the work', 'Start one, or leave --detach out.');
  }
  const { job, resumed } = withState(cli, context.state, (store) => {
    const found = jobFor(cli, store, chosen, options);
    store.turnJob(found.job.id, 'waiting'); // whatever became of an earlier attempt
    return found;
  });
  say(cli, job, resumed, inUse, options);
  if (options.detach && options.json) cli.stdout.json({ job: job.id, done: false });
  else if (options.detach) cli.stdout.line(`job ${job.id}`);
  else await workOrFollow(cli, context, job, options);
}

/** A `run` that holds the state takes the job up; another backfill does not, and is waited for. */
async function workOrFollow(cli: Cli, context: CommandContext, job: JobRow, options: BackfillOptions): Promise<void> {
  for (;;) {
    if (isStateInUse(context.state) && (await followJob(cli, context, job, options.json ?? false))) return;
    try {
      await ownJob(cli, context, job, options);
      return;
    } catch (error) {
      if (cli.signal.aborted || !isStateInUse(context.state)) throw error;
      cli.stderr.line('another Sluice has the state by now; this backfill begins when it has ended');
    }
  }
}

function withRate(config: Config, rate: number | undefined): Config {
  if (rate === undefined) return config;
  const sources = config.sources.map((source) => ({ ...source, rate: { ...source.rate, requestsPerSecond: rate } }));
  return { ...config, sources };
}

/** The unfinished job that is meant, or a new one. */
function jobFor(
  cli: Cli,
  store: StateStore,
  plans: PipelinePlan[],
  options: BackfillOptions,
): { job: JobRow; resumed: boolean } {
  if (options.from === undefined && !options.gaps) {
    const last = store.jobs().findLast((job) => !isOver(job));
    if (last === undefined) throw usageError('there is no unfinished backfill', 'Begin one with --from.');
    return { job: last, resumed: true };
  }
  const wanted = wantedOf(cli.now(), options.from, plans, options);
  // What was forgotten is no gap.
  if (!options.gaps) for (const name of wanted.pipelines) requireRemembered(store, name, wanted.from.ms);
  return unfinishedOrNew(store, wanted, cli.now());
}

/** What was delivered of a time that was forgotten cannot be told from what is new. */
function requireRemembered(store: StateStore, name: string, fromMs: number): void {
  const untilMs = store.pipelines().includes(name) ? store.pipeline(name).forgottenUntilMs() : undefined;
  if (untilMs === undefined || fromMs >= untilMs) return;
  throw usageError(
    `${name} has forgotten what it delivered from before ${showTime(untilMs)} (\`sluice state compact\`)`,
    `Read from then on: --from ${new Date(untilMs).toISOString()}. To ship that time once more, use another state and another output.`,
  );
}

/** Without a beginning: from where each pipeline was asked to begin. */
function wantedOf(
  nowMs: number,
  fromText: string | undefined,
  plans: PipelinePlan[],
  options: BackfillOptions,
): Wanted {
  const from = fromText === undefined ? { ms: 0 } : readTime('--from', fromText, nowMs);
  const to = options.to === undefined ? undefined : readTime('--to', options.to, nowMs);
  inOrder({ fromMs: from.ms, toMs: to?.ms ?? nowMs });
  return {
    from,
    to,
    pipelines: plans.map(({ name }) => name),
    as: options.as,
    kind: options.gaps ? 'gaps' : 'backfill',
  };
}

function say(cli: Cli, job: JobRow, resumed: boolean, inUse: boolean, options: BackfillOptions): void {
  const { fromMs, toMs } = job.range;
  const what = resumed ? `going on with backfill ${job.id}` : `backfill ${job.id}`;
  const from = fromMs === 0 ? 'what was asked for' : showTime(fromMs);
  const which = job.kind === 'gaps' ? 'the gaps of ' : '';
  cli.stderr.line(`${what}: ${which}${from} to ${showTime(toMs)}, ${job.pipelines.join(', ')}`);
  if (!inUse) return;
  cli.stderr.line('the running Sluice does the work; stopping this command leaves it going');
  if (!options.detach) cli.stderr.line('(where that is another backfill, this one begins when it has ended)');
  if (options.adopt) cli.stderr.line('note: --adopt has no effect there: it is for the Sluice that writes the files');
  if (options.rate !== undefined)
    cli.stderr.line('note: --rate has no effect there: it works within the rate of the source');
}
