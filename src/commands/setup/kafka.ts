/** `sluice setup kafka`: creates the topics of every stream, and the marker topic. A second run changes nothing. */
import type { Command } from 'commander';
import type { Coordination } from '../../coordination/config.ts';
import { plural } from '../../observe/show.ts';
import type { TopicResult } from '../../sinks/kafka/setup.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, whole, withCommon } from '../shared/options.ts';
import { placesOf, sinksOfType } from '../shared/select.ts';
import { table } from '../shared/table.ts';

interface TopicSetupOptions extends CommonOptions {
  sink?: string;
  partitions?: number;
  replication?: number;
  rejected?: boolean;
  dryRun?: boolean;
}

type Result = TopicResult & { sink: string };

export function addSetupKafka(setup: Command, cli: Cli): void {
  const command = setup
    .command('kafka')
    .description('create the topics of every stream, the marker topic, and that of a shared state')
    .option('--sink <name>', 'only this sink (default: every Kafka sink)')
    .option('--partitions <n>', 'of each new topic for documents (default: what the cluster gives)', whole(1, 10_000))
    .option('--replication <n>', 'of each new topic (default: what the cluster gives)', whole(1, 100))
    .option('--rejected', 'also the topics in which `load` keeps what cannot be loaded')
    .option('--dry-run', 'ask the cluster whether it would, and change nothing');
  withCommon(command).action((options: TopicSetupOptions) => setUp(cli, options));
}

async function setUp(cli: Cli, options: TopicSetupOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const { coordination, sinks: all } = context.config;
  const hasSinks = coordination === undefined || options.sink !== undefined || all.some(({ type }) => type === 'kafka');
  const sinks = hasSinks ? sinksOfType(context.config, 'kafka', options.sink) : [];
  const { setupKafka } = await import('../../sinks/kafka/setup.ts');
  const done: Result[] = [];
  if (coordination !== undefined && options.sink === undefined)
    done.push(await setUpState(context, coordination, options));
  for (const sink of sinks) {
    const { partitions, replication, rejected, dryRun } = options;
    const places = placesOf(context.config, sink.name);
    const settings = { partitions, replication, rejected, dryRun, log: context.log, signal: cli.signal };
    const results = await setupKafka({ ...sink, places }, settings);
    done.push(...results.map((result) => ({ sink: sink.name, ...result })));
  }
  print(cli, done, options);
}

async function setUpState(
  { log }: CommandContext,
  { kafka, topic, partitions }: Coordination,
  { replication, dryRun }: TopicSetupOptions,
): Promise<Result> {
  const { createStateTopic } = await import('../../coordination/state/topic.ts');
  const made = await createStateTopic(kafka, { topic, partitions, replication, dryRun, log });
  return { sink: 'coordination', name: topic, kind: 'state', ...made };
}

const KINDS: Record<Result['kind'], string> = {
  documents: 'topic',
  rejected: 'topic of what is kept aside',
  marker: 'marker topic',
  state: 'topic of the state',
};

function print(cli: Cli, done: Result[], { json, dryRun = false }: TopicSetupOptions): void {
  if (json) return void cli.stdout.json({ dryRun, topics: done });
  const rows = done.map(({ sink, kind, name, action, shape }) => {
    const size = shape && `${plural(shape.partitions, 'partition')}, replication ${shape.replication}`;
    const word = action === 'unchanged' ? 'is there' : dryRun ? 'would be created' : 'created';
    return [sink, KINDS[kind], name, size === undefined ? word : `${word}: ${size}`];
  });
  cli.stdout.lines(table(rows));
  if (done.every(({ action }) => action === 'unchanged')) cli.stdout.line('Everything is there already.');
}
