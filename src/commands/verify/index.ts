/** `sluice verify`: whether everything of a time is in the sink, and once; and makes it so on request. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { stopError, usageError } from '../../api/errors.ts';
import type { Range } from '../../api/walk.ts';
import { type Built, build, toPipeline } from '../../engine/build.ts';
import type { Pipeline } from '../../engine/pipeline.ts';
import { verifyBeside } from '../../engine/verify/beside.ts';
import { type Verdict, type VerifyTools, verify } from '../../engine/verify/verify.ts';
import { startProgress } from '../../observe/progress.ts';
import { readTime } from '../../observe/show.ts';
import { createStatistics } from '../../observe/statistics.ts';
import { isStateInUse, openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { whole, withCommon } from '../shared/options.ts';
import { inOrder } from '../shared/range.ts';
import { knownPlans } from '../shared/select.ts';
import { withExistingState } from '../shared/stored.ts';
import { withFolder } from './folder.ts';
import { repairAll } from './repair.ts';
import { type Compared, createTeller, type Teller, type VerifyOptions } from './result.ts';

export function addVerify(program: Command, cli: Cli): void {
  const command = program
    .command('verify')
    .description('compare what the vendor lists with what the sinks hold: what is missing, stale, doubled or extra')
    .option(
      '--from <time>',
      'where it begins: ISO time, date (UTC) or age (default: the oldest time that was asked for)',
    )
    .option('--to <time>', 'where it ends (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .option('--details', 'fetch each detail too: comments and responses never show in lists')
    .option('--retention <age>', 'what the sink removes by itself: records older than this are expired, not missing')
    .option('--limit <n>', 'how many differences of a pipeline are printed; `--json` has all', whole(0), 50)
    .option('--repair', 'ship what is missing or stale; stop `sluice run` before')
    .option('--remove-doubles', 'with --repair: remove what is there twice, where the sink can (Elasticsearch)')
    .addOption(
      new Option('--as <kind>', 'with --repair: ship as plain events, or let the records raise alerts again')
        .choices(['event', 'alert'])
        .default('event'),
    );
  withCommon(command).action((options: VerifyOptions) => verifyAll(cli, options));
}

async function verifyAll(cli: Cli, options: VerifyOptions): Promise<void> {
  const context = await openCommand(cli, options);
  if (options.removeDoubles && !options.repair) throw usageError('--remove-doubles goes with --repair');
  withExistingState(cli, context, () => {});
  if (options.repair && isStateInUse(context.state))
    throw stopError('another Sluice process is using the state', 'Stop it first: --repair changes what it knows.');
  const teller = createTeller(cli, options);
  const found = await withFolder(context.state, (folder) => look(cli, context, options, folder, teller));
  if (options.repair) await repairAll(cli, context, options, found);
  if (found.some(({ isClean }) => !isClean)) cli.setExitCode(1);
}

/** Takes no lock: a running Sluice goes on. */
async function look(
  cli: Cli,
  context: CommandContext,
  options: VerifyOptions,
  folder: (name: string) => string,
  teller: Teller,
): Promise<Compared[]> {
  const built = build(context.config, context.tools);
  const store = openState({ ...context.state, now: cli.now, exclusive: false });
  const found: Compared[] = [];
  try {
    for (const plan of knownPlans(built.plans, options, store)) {
      const { events } = createStatistics(plan.name, cli.now, built.lived);
      const pipeline = toPipeline(plan, built, context.config, store.pipeline(plan.name), context.tools, events);
      const range = rangeOf(cli, options, pipeline);
      found.push(
        await lookAt(cli, context, { pipeline, range, events, folder: folder(plan.name), teller, options, plan }),
      );
    }
    return found;
  } finally {
    store.close();
    await built.close();
  }
}

interface LookAt {
  pipeline: Pipeline;
  range: Range;
  events: Pipeline['events'];
  folder: string;
  teller: Teller;
  options: VerifyOptions;
  plan: Built['plans'][number];
}

async function lookAt(
  cli: Cli,
  context: CommandContext,
  { pipeline, range, events, folder, teller, options, plan }: LookAt,
): Promise<Compared> {
  const expected = Math.max(1, pipeline.state.counts().records);
  let soFar = { listed: 0, held: 0 };
  let note = 'reading the list';
  const part = () => Math.min(0.999, soFar.listed / expected / 4 + soFar.held / expected / 2);
  const standing = () => ({ part: part(), delivered: soFar.held, note });
  const progress = startProgress({ title: 'verify', cli, talk: context.talk, standing });
  const tools: VerifyTools = {
    folder,
    statePath: context.config.state.path,
    openReading: (path): StateStore =>
      openState({ ...context.state, path, now: cli.now, exclusive: true, tell: undefined }),
    events,
    progress: (now) => {
      soFar = now;
    },
    async pause() {
      note = 'waiting for the second look';
      await sleep(plan.source.reading.pollMs, undefined, { signal: cli.signal });
      note = 'looking again';
    },
    signal: cli.signal,
  };
  const keptFromMs =
    options.retention === undefined ? undefined : readTime('--retention', options.retention, cli.now()).ms;
  const wanted = { range, details: options.details ?? false, keptFromMs };
  const differences: Verdict[] = [];
  const verified = await verify(pipeline, wanted, tools, (one) => void differences.push(one)).finally(progress.stop);
  const { missing, stale, doubled, extra } = verified.counts;
  const isVerifiable = (verified.notVerifiableBeforeMs ?? range.fromMs) <= range.fromMs;
  const beside = await verifyBeside(pipeline, range, tools.pause, cli.signal);
  const isWhole = verified.open.length === 0 && (beside?.missing ?? 0) === 0;
  const isClean = isVerifiable && isWhole && missing + stale + doubled + extra === 0;
  const found = { pipeline: pipeline.name, range, verified, beside, differences, isClean };
  teller.tell(found);
  return found;
}

function rangeOf(cli: Cli, { from, to }: VerifyOptions, { state }: Pipeline): Range {
  const fromMs = from === undefined ? (state.coveredFromMs() ?? 0) : readTime('--from', from, cli.now()).ms;
  const toMs = readTime('--to', to ?? 'now', cli.now()).ms;
  return inOrder({ fromMs, toMs });
}
