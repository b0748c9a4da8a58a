/** `sluice load`: carries what a Kafka sink wrote into Elasticsearch; several instances share the work. */
import type { Command } from 'commander';
import { stopError, usageError } from '../../api/errors.ts';
import { recordsChange } from '../../api/records/changing.ts';
import { openSink } from '../../engine/build.ts';
import { createLoadStatistics, type LoadStatistics, lagOf, totalOf } from '../../load/statistics.ts';
import { type Progress, startProgress } from '../../observe/progress.ts';
import { plural } from '../../observe/show.ts';
import { livedTime } from '../../system/lived-time.ts';
import { createParts } from '../../system/parts.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, whole, withCommon } from '../shared/options.ts';
import { placesOf, sinksOfType } from '../shared/select.ts';
import { printLoaded } from './result.ts';

interface LoadCommand extends CommonOptions {
  from?: string;
  to?: string;
  group?: string;
  once?: boolean;
  rejected?: boolean;
  healthPort?: number;
}

const SUMMARY_MS = 60_000;
const LONGEST_REASON = 500;
const GROUP = /^[A-Za-z0-9._-]{1,100}$/;

export function addLoad(program: Command, cli: Cli): void {
  const command = program
    .command('load')
    .description('carry the topics of a Kafka sink into Elasticsearch; several instances share the work')
    .option('--from <sink>', 'the Kafka sink whose topics are read (default: the only one)')
    .option('--to <sink>', 'the Elasticsearch sink that gets the documents (default: the only one)')
    .option('--group <name>', 'the consumer group (default: <transactional_id_prefix>-load-<sink>)')
    .option('--once', 'only what the topics hold now, then end')
    .option('--rejected', 'with --once: another try for what was kept aside')
    .option('--health-port <port>', 'serve /healthz, /readyz and /metrics there', whole(1, 65_535));
  withCommon(command).action((options: LoadCommand) => loadTopics(cli, options));
}

async function loadTopics(cli: Cli, options: LoadCommand): Promise<void> {
  const { once = false, rejected = false } = options;
  if (rejected && !once) throw usageError('--rejected goes with --once');
  if (options.group !== undefined && !GROUP.test(options.group))
    throw usageError(`"${options.group}" is no name of a group`, 'Use letters, digits, dots, underscores and hyphens.');
  const context = await openCommand(cli, options, !once);
  const { config, log } = context;
  const { from, to } = endsOfWay(context, options);
  // Loaded only here: the client of Kafka costs every other command a part of its start.
  const { load, loadedTopics } = await import('../../load/index.ts');
  const topics = loadedTopics(from, rejected);
  const statistics = createLoadStatistics(topics, cli.now());
  const own = options.group ?? `${from.transactionalIdPrefix}-load-${to.name}`;
  const group = rejected ? `${own}-rejected` : own;
  const lived = livedTime();
  const sink = openSink(to, {
    ...context.tools,
    parts: cli.parts ?? createParts(),
    lived: lived.now,
    changing: changing(context),
  });
  const serve = async (port: number) =>
    (await import('../../observe/server/load.ts')).startLoadServer(statistics, {
      ...{ host: config.health.host, port, group, log, now: cli.now },
      show: (text) => cli.redactor.show(text, LONGEST_REASON),
    });
  const { healthPort: port } = options;
  const server = port === undefined ? undefined : await serve(port);
  const startedMs = cli.now();
  const telling = once ? tellProgress(cli, context, statistics) : tellSummaries(context, statistics);
  log.info(
    { 'sluice.group': group, 'sluice.topics': topics },
    `Sluice ${cli.version}: loads ${plural(topics.length, 'topic')}`,
  );
  try {
    await load({
      ...{ from, sink, group, once, statistics, topics, log, now: cli.now, lived: lived.now },
      ...{ stop: cli.signal, hardStop: context.tools.hardStop },
    });
  } finally {
    telling.stop();
    lived.close();
    await server?.close();
    await sink.close();
    if (!once) summarize(context, statistics);
  }
  if (once && cli.signal.aborted)
    throw stopError('stopped before the end of the topics', 'Start it again: it goes on from there.');
  if (once || options.json) printLoaded(cli, { group, statistics, seconds: (cli.now() - startedMs) / 1000 }, options);
  const { refused, strangers, removed } = totalOf(statistics);
  if (once && refused + strangers + removed > 0) cli.setExitCode(1);
}

/** The two sinks. Whoever writes to the second one directly would store documents twice across a rollover. */
function endsOfWay({ config }: CommandContext, options: LoadCommand) {
  const from = only(sinksOfType(config, 'kafka', options.from), '--from', 'kafka');
  const to = only(sinksOfType(config, 'elasticsearch', options.to), '--to', 'elasticsearch');
  const places = placesOf(config, from.name);
  if (places.length === 0)
    throw usageError(
      `no source writes to the sink "${from.name}"`,
      'Name it in `sinks` of the sources whose topics are meant.',
    );
  const both = config.sources.filter(({ sinks }) => sinks.includes(from.name) && sinks.includes(to.name));
  if (both.length > 0) {
    const names = both.map(({ name }) => name).join(', ');
    throw usageError(
      `${names}: writes to "${to.name}" itself, and would be loaded into it once more`,
      `Write \`sinks: [${from.name}]\` for it: what has no \`sinks\` goes to all of them.`,
    );
  }
  return { from: { ...from, places }, to };
}

function only<Type>(all: Type[], option: string, type: string): Type {
  const [first, ...others] = all as [Type, ...Type[]];
  if (others.length === 0) return first;
  throw usageError(`the config has several ${type} sinks`, `Say which one with ${option}.`);
}

function changing({ tools }: CommandContext): Set<string> {
  return new Set(
    tools.streams.filter(({ stream }) => recordsChange(stream)).map(({ stream }) => stream.name as string),
  );
}

function tellProgress(cli: Cli, { talk }: CommandContext, statistics: LoadStatistics): Progress {
  const behind = () => [...statistics.partitions.values()].reduce((sum, each) => sum + lagOf(each), 0);
  const standing = () => {
    const { records } = totalOf(statistics);
    const left = behind();
    const part = records + left === 0 ? 0 : records / (records + left);
    return { part: Math.min(0.999, part), delivered: records, as: 'loaded', note: statistics.waiting };
  };
  return startProgress({ title: 'load', cli, talk, standing });
}

function tellSummaries(context: CommandContext, statistics: LoadStatistics): Progress {
  const timer = setInterval(() => summarize(context, statistics), SUMMARY_MS);
  return { stop: () => clearInterval(timer) };
}

function summarize({ log }: CommandContext, statistics: LoadStatistics): void {
  const { partitions, waiting } = statistics;
  const lag = [...partitions.values()].reduce((sum, each) => sum + lagOf(each), 0);
  const counts = { ...totalOf(statistics), lag, partitions: partitions.size, why: waiting };
  log.info(Object.fromEntries(Object.entries(counts).map(([name, value]) => [`sluice.${name}`, value])), 'summary');
}
