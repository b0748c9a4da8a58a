/** `sluice record`: what the vendors answer for a while, disguised, in one file that can be sent with a report. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { type Command, InvalidArgumentError } from 'commander';
import { isAbort, messageWithAdvice, stopError, usageError } from '../../api/errors.ts';
import { parseDuration } from '../../api/values.ts';
import { build, type PipelinePlan, toPipeline } from '../../engine/build.ts';
import { runPipeline } from '../../engine/runner.ts';
import { NOTHING } from '../../engine/verify/reading.ts';
import { plural, showCount, showTime } from '../../observe/show.ts';
import { createStatistics, observed } from '../../observe/statistics.ts';
import { openState } from '../../state/sqlite.ts';
import { openNewFile } from '../../system/private-files.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { chosenPlans } from '../shared/select.ts';
import { createRecording, type Recording } from './recording.ts';
import { tapped } from './tap.ts';
import { PATH_WORDS } from './words.ts';

interface RecordOptions extends CommonOptions {
  for: number;
  once?: boolean;
  source?: string[];
  stream?: string[];
  output: string;
  yes?: boolean;
}

export function addRecord(program: Command, cli: Cli): void {
  const command = program
    .command('record')
    .description('keep what the vendors answer, without secrets and names, in one file for a report; ships nothing')
    .option('--for <duration>', 'how long', durationOf, 600_000)
    .option('--once', 'until everything that is due was read once, however long that takes')
    .option('--source <name...>', 'only these sources')
    .option('--stream <name...>', 'only these streams')
    .requiredOption('-o, --output <file>', 'a new file; compressed if its name ends in .zst')
    .option('--yes', 'write it without asking');
  withCommon(command).action((options: RecordOptions) => record(cli, options));
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000) throw new InvalidArgumentError('Write a number with its unit, such as 10m.');
  return ms;
}

/** Takes no lock and has a state of its own, which is removed: a running Sluice is not disturbed, but for the rate limit. */
async function record(cli: Cli, options: RecordOptions): Promise<void> {
  if (existsSync(options.output)) throw usageError(`there is a file ${options.output} already`, 'Name another one.');
  if (!options.yes && cli.confirm === undefined)
    throw usageError(
      'what is recorded is shown before it is written, and nobody is there to look',
      'Give --yes as well.',
    );
  const context = await openCommand(cli, options);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-record-'));
  try {
    const { recording, sources } = await listen(cli, context, options, folder);
    const { requests, items, replies } = recording.counts();
    if (items + replies === 0) throw stopError('nothing was answered that could be kept', 'See `sluice check`.');
    show(cli, recording);
    const what = `${showCount(items)} records and ${showCount(replies)} other replies of ${plural(requests, 'request')}`;
    if (!options.yes && !(await cli.confirm?.(`Write ${what} to ${options.output}?`)))
      throw usageError('nothing is written');
    const bytes = await write(cli, context, recording, sources, options.output);
    const done = `${options.output}: ${what}, ${showCount(bytes)} bytes`;
    if (options.json) cli.stdout.json({ file: options.output, ...recording.counts(), bytes });
    else cli.stdout.line(`${done}; \`sluice simulator --replay ${options.output}\` serves them`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Sources = { name: string; connector: string; streams: string[] }[];

async function listen(
  cli: Cli,
  context: CommandContext,
  options: RecordOptions,
  folder: string,
): Promise<{ recording: Recording; sources: Sources }> {
  const { config, tools } = context;
  const names = new Map(config.sources.map(({ name }, index) => [name, `source_${index + 1}`]));
  const recording = createRecording({
    names,
    words: wordsOf(context),
    secrets: [...new Set(tools.streams.flatMap(({ stream }) => stream.secrets))],
    scrub: cli.redactor.scrub,
  });
  const built = build(
    config,
    {
      ...tools,
      tap: (source, http) => tapped(http, (asked, status, body) => recording.add(source, asked, status, body)),
    },
    false,
  );
  const plans = chosenPlans(built.plans, { source: options.source, stream: options.stream });
  const each = [...new Map(plans.map((plan) => [`${plan.source.name}/${plan.registered.stream.name}`, plan])).values()];
  const store = openState({ path: folder, now: cli.now, exclusive: true });
  const ends = new AbortController();
  const signal = AbortSignal.any([cli.signal, ends.signal]);
  const read = async (plan: PipelinePlan): Promise<void> => {
    const { events } = createStatistics(plan.name, cli.now, built.lived);
    const watched = {
      ...plan,
      registered: observed(plan.registered, createStatistics(plan.name, cli.now, built.lived)),
    };
    const pipeline = toPipeline(watched, built, config, store.pipeline(plan.name), tools, events);
    pipeline.sink = NOTHING;
    try {
      await runPipeline(pipeline, { schedule: plan.source.reading, store, signal, once: options.once ?? false });
    } catch (error) {
      if (isAbort(error) && signal.aborted) return;
      cli.stderr.line(`warning: ${plan.name} is not recorded to its end: ${messageWithAdvice(error)}`);
    }
  };
  try {
    const until = options.once ? 'everything was read once' : showTime(cli.now() + options.for);
    cli.stderr.line(`recording until ${until}; Ctrl-C ends it earlier`);
    const all = Promise.all(each.map(read));
    if (!options.once) await Promise.race([all, sleep(options.for, undefined, { signal }).catch(() => {})]);
    else await all;
    ends.abort();
    await all;
  } finally {
    await built.close();
    store.close();
  }
  const sources = config.sources.map(({ name, connector }) => ({
    name: names.get(name) as string,
    connector,
    streams: each.flatMap((plan) => (plan.source.name === name ? [plan.registered.stream.name as string] : [])),
  }));
  return { recording, sources: sources.filter(({ streams }) => streams.length > 0) };
}

/** The parts of paths that are the vendor's and no ids. */
function wordsOf({ tools }: CommandContext): Set<string> {
  const paths = tools.streams.flatMap(({ stream }) => stream.about.endpoints.map((one) => one.replace(/^[A-Z]+ /, '')));
  return new Set([...paths.flatMap((path) => path.split('/')), ...PATH_WORDS].map((one) => one.toLowerCase()));
}

const SHOWN = 3;
const SHOWN_VALUES = 12;

/** What a person looks at before it is written: what was kept as it was, and some of what it became. */
function show(cli: Cli, recording: Recording): void {
  const { statuses } = recording.counts();
  const told = Object.entries(statuses).map(([status, count]) => `${status}: ${showCount(count)}`);
  cli.stderr.line(`statuses of the replies: ${told.join(', ')}`);
  cli.stderr.line('kept as they are, beside times, numbers and the names of members:');
  for (const [member, values] of [...recording.kept].sort()) {
    const some = [...values].slice(0, SHOWN_VALUES);
    const more = values.size - some.length;
    cli.stderr.line(`  ${member}: ${some.join(', ')}${more > 0 ? `, and ${more} more` : ''}`);
  }
  cli.stderr.line('some of what is written:');
  const items = [...recording.lines()].filter((line) => 'item' in line || 'reply' in line);
  const step = Math.max(1, Math.floor(items.length / SHOWN));
  for (let at = 0; at < items.length && at < SHOWN * step; at += step)
    cli.stderr.line(`  ${JSON.stringify(items[at])}`);
}

async function write(
  cli: Cli,
  context: CommandContext,
  recording: Recording,
  sources: Sources,
  output: string,
): Promise<number> {
  const head = {
    sluice: 'recording',
    version: 1,
    program: cli.version,
    at: new Date(cli.now()).toISOString(),
    sources,
  };
  const lines = [{ ...head, ...recording.counts() }, ...recording.lines()].map((line) => JSON.stringify(line));
  const text = Buffer.from(`${lines.join('\n')}\n`);
  const bytes = output.endsWith('.zst') ? zstdCompressSync(text) : text;
  const file = await openNewFile(output, context.state);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
  return bytes.length;
}
