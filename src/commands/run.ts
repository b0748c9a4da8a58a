/** `sluice run`: keeps every pipeline going until it is told to stop. */
import type { Command } from 'commander';
import { plural } from '../observe/show.ts';
import type { StatusModel } from '../observe/status/status.ts';
import type { StateStore } from '../state/store.ts';
import { refuse, signalsOf, startTurn, type Taken, type Turn, tellTaken } from './reload/turn.ts';
import { judge, runPipelines, startSummaries, toJson } from './running/set.ts';
import { type CommandContext, openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { ADOPT, type CommonOptions, withCommon } from './shared/options.ts';
import { type Opened, openPipelines, type Running } from './shared/pipelines.ts';
import { type Served, serveStatus } from './shared/status.ts';

interface RunCommand extends CommonOptions {
  once?: boolean;
  adopt?: boolean;
}

export function addRun(program: Command, cli: Cli): void {
  const command = program
    .command('run')
    .description('keep every pipeline of the config going; SIGTERM or Ctrl-C stops it cleanly')
    .option('--once', 'read everything that is due once, then end')
    .option('--adopt', ADOPT);
  withCommon(command).action((options: RunCommand) => run(cli, options));
}

/** One turn for each config: `sluice reload` begins another. */
async function run(cli: Cli, options: RunCommand): Promise<void> {
  let context = await openCommand(cli, options, true);
  const { coordination } = context.config;
  if (coordination !== undefined) {
    const { runShared } = await import('./coordinated/index.ts'); // its client costs 50 MB
    return runShared(cli, context, coordination, options);
  }
  let begun = await begin(cli, options, context, undefined);
  for (;;) {
    const { turn, opened, served } = begun;
    let next: Taken | undefined;
    try {
      await runAll(turn.cli, turn.context, opened, served.model, options.once ?? false);
    } finally {
      next = turn.end();
      await served.close();
      await opened.close({ keepStore: next !== undefined });
    }
    if (next === undefined) break;
    ({ begun, context } = await beginNext(cli, options, context, next, opened));
  }
  const { running } = begun.opened;
  sayEnded(cli, context, running); // now that segments are finished
  if (options.json) cli.stdout.json({ pipelines: running.map(toJson) });
  judge(cli, running, options.once ?? false);
}

interface Begun {
  turn: Turn;
  opened: Opened;
  served: Served;
}

/** With the state that is open, where it is given; it stays open when this fails. */
async function begin(
  cli: Cli,
  { once = false, adopt, ...options }: RunCommand,
  context: CommandContext,
  store: StateStore | undefined,
): Promise<Begun> {
  const signals = signalsOf(cli);
  const opened = openPipelines(signals.context(context), undefined, { adopt: adopt && store === undefined, store });
  const served = await serveStatus(cli, context, opened).catch(async (error: unknown) => {
    await opened.close({ keepStore: store !== undefined });
    throw error;
  });
  return { turn: startTurn(signals, options, context, once ? undefined : opened.store), opened, served };
}

/** The config that was there before goes on where the new one cannot be begun with. */
async function beginNext(
  cli: Cli,
  options: RunCommand,
  context: CommandContext,
  next: Taken,
  { store, running }: Opened,
): Promise<{ begun: Begun; context: CommandContext }> {
  const names = (all: Running[]) => all.map(({ plan }) => plan.name);
  try {
    const begun = await begin(cli, options, next.context, store);
    tellTaken(next, store, names(running), names(begun.opened.running));
    return { begun, context: next.context };
  } catch (error) {
    refuse(context, store, next.asked, error);
  }
  try {
    return { begun: await begin(cli, options, context, store), context };
  } catch (error) {
    store.close();
    throw error;
  }
}

async function runAll(
  cli: Cli,
  context: CommandContext,
  opened: Opened,
  status: StatusModel,
  once: boolean,
): Promise<void> {
  const { running } = opened;
  const pipelines = running.map(({ statistics }) => statistics.name);
  const fields = { 'sluice.version': cli.version, 'sluice.pipelines': pipelines };
  context.log.info(fields, `Sluice ${cli.version}: ${plural(running.length, 'pipeline')}`);
  const stopTelling = startSummaries(cli, context, status, () => opened.running);
  try {
    await runPipelines(cli, context, opened, status, once);
  } finally {
    stopTelling();
  }
}

function sayEnded(cli: Cli, { log }: CommandContext, running: Running[]): void {
  const failed = running
    .filter(({ pipeline }) => pipeline.sinkGate.failure !== undefined)
    .map(({ statistics }) => statistics.name);
  if (!cli.signal.aborted) log.info('ended');
  else if (failed.length === 0) log.info('stopped: everything that was read is delivered and remembered');
  else
    log.warn(
      { 'sluice.pipelines': failed },
      'stopped: the last batch of these is not confirmed; the next start looks it up and sends what is missing',
    );
}
