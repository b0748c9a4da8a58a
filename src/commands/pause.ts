/** `sluice pause` and `sluice resume`: the switch for floods. Reading stops, nothing is lost, and it catches up afterwards. */
import type { Command } from 'commander';
import { usageError } from '../api/errors.ts';
import { build } from '../engine/build.ts';
import { type PausedPart, pauseReading, pauseText, resumeReading } from '../engine/jobs/pauses.ts';
import { readAge } from '../observe/show.ts';
import type { Pause } from '../state/jobs/parts.ts';
import { isStateInUse } from '../state/sqlite.ts';
import { type CommandContext, openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, withCommon } from './shared/options.ts';
import { chosenPlans } from './shared/select.ts';
import { withExistingState, withState } from './shared/stored.ts';

interface PartOptions extends CommonOptions {
  source?: string[];
  stream?: string[];
}

interface PauseOptions extends PartOptions {
  for?: string;
  reason?: string;
}

export function addPause(program: Command, cli: Cli): void {
  const command = program
    .command('pause')
    .description('stop reading sources or streams for a while; nothing is lost, and `resume` catches up')
    .option('--source <name...>', 'these sources (default: all)')
    .option('--stream <name...>', 'only these streams')
    .option('--for <time>', 'resume by itself after so long: 30m, 2h, 1d')
    .option('--reason <text>', 'why, for whoever looks');
  withCommon(command).action((options: PauseOptions) => pause(cli, options));
}

export function addResume(program: Command, cli: Cli): void {
  const command = program
    .command('resume')
    .description('read again what `pause` has stopped')
    .option('--source <name...>', 'these sources (default: all)')
    .option('--stream <name...>', 'only these streams');
  withCommon(command).action((options: PartOptions) => resume(cli, options));
}

async function pause(cli: Cli, options: PauseOptions): Promise<void> {
  const forMs = options.for === undefined ? undefined : readAge('--for', options.for);
  const context = await openCommand(cli, options);
  const { parts } = partsOf(context, options);
  const { reason } = options;
  const now = withState(cli, context.state, (store) => {
    pauseReading(store, parts, { nowMs: cli.now(), forMs, reason });
    return store.pauses().filter((one) => isMeant(one, parts));
  });
  const inUse = isStateInUse(context.state);
  if (options.json) return cli.stdout.json({ paused: now, running: inUse });
  for (const one of now) cli.stdout.line(`${nameOf(one)}: ${pauseText(one)}`);
  cli.stderr.line(
    inUse
      ? 'the running Sluice stops reading within seconds; what it has read is delivered'
      : 'nothing runs now; the next `sluice run` reads nothing of it until it is resumed',
  );
}

async function resume(cli: Cli, options: PartOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const { parts, streamsOf } = partsOf(context, options);
  const ended = withExistingState(cli, context, (store) => resumeReading(store, parts, streamsOf));
  if (options.json) return cli.stdout.json({ resumed: ended });
  if (ended.length === 0) throw usageError('nothing of it is paused', '`sluice state show` says what is.');
  for (const one of ended) cli.stdout.line(`${nameOf(one)}: read again`);
}

/** What is meant, by the config: a name that fits nothing is a mistake. */
function partsOf({ config, tools }: CommandContext, options: PartOptions) {
  const plans = build(config, tools, false).plans;
  const chosen = chosenPlans(plans, options);
  const streams = (of: typeof plans, source: string) => [
    ...new Set(of.filter((plan) => plan.source.name === source).map(({ registered }) => registered.stream.name)),
  ];
  const sources = [...new Set(chosen.map(({ source }) => source.name))];
  const parts = sources.map(
    (source): PausedPart => ({ source, streams: options.stream === undefined ? undefined : streams(chosen, source) }),
  );
  return { parts, streamsOf: (source: string) => streams(plans, source) };
}

function isMeant(pause: Pause, parts: readonly PausedPart[]): boolean {
  return parts.some(
    ({ source, streams }) =>
      pause.source === source &&
      (streams === undefined || (pause.stream !== undefined && streams.includes(pause.stream))),
  );
}

function nameOf({ source, stream }: Pause): string {
  return stream === undefined ? source : `${source}/${stream}`;
}
