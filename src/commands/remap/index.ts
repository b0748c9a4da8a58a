/** `sluice remap`: maps records anew that are kept beside the state, and ships what that changes. */
import type { Command } from 'commander';
import { usageError } from '../../api/errors.ts';
import type { Range } from '../../api/walk.ts';
import { build, type PipelinePlan } from '../../engine/build.ts';
import { copy, type Deliveries, mapAnew, remap } from '../../engine/remap/remap.ts';
import { startProgress } from '../../observe/progress.ts';
import { sinkTypeOf } from '../../sinks/registry.ts';
import { openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { openPipelines, type Running } from '../shared/pipelines.ts';
import { readRange } from '../shared/range.ts';
import { chosenPlans, knownPlans } from '../shared/select.ts';
import { withExistingState } from '../shared/stored.ts';
import { type Count, createCount, printAll, type RemapResult } from './result.ts';

interface RemapOptions extends CommonOptions {
  from?: string;
  to?: string;
  stream?: string[];
  source?: string[];
  diff?: boolean;
  namespace?: string;
}

export function addRemap(program: Command, cli: Cli): void {
  const command = program
    .command('remap')
    .description('map records anew that raw.keep has kept, without asking the vendor, and ship those that differ')
    .option('--from <time>', 'where it begins, by the time of the records: ISO time, date (UTC) or age (30d, 24h)')
    .option('--to <time>', 'where it ends (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .option('--diff', 'only show what would change, field by field; ship nothing')
    .option('--namespace <name>', 'ship all records of the range into the data streams of this namespace instead');
  withCommon(command).action((options: RemapOptions) => remapRecords(cli, options));
}

async function remapRecords(cli: Cli, options: RemapOptions): Promise<void> {
  const range = rangeOf(cli, options);
  const context = await openCommand(cli, options);
  requireUsable(context, options);
  withExistingState(cli, context, () => {});
  const results = options.diff ? await compare(cli, context, range, options) : await ship(cli, context, range, options);
  printAll(cli, results, options);
  if (results.some(({ rejected = 0 }) => rejected > 0)) cli.setExitCode(1);
}

function rangeOf(cli: Cli, { from, to }: RemapOptions): Range {
  if (from === undefined) throw usageError('--from is missing', 'Say where to begin, e.g. `sluice remap --from 30d`.');
  return readRange(from, to, cli.now());
}

const NAMESPACE = /^[a-z0-9_]+$/;

function requireUsable({ config }: CommandContext, { namespace }: RemapOptions): void {
  if (!config.raw.keep)
    throw usageError(
      'no records are kept that could be mapped anew: raw.keep is off',
      'Set `raw: { keep: true }` in the config: what is delivered from then on can be.',
    );
  if (namespace === undefined) return;
  if (!NAMESPACE.test(namespace))
    throw usageError(`"${namespace}" is no namespace`, 'Use lower case letters, digits and underscores.');
  if (config.sources.some(({ name }) => name === namespace))
    throw usageError(
      `${namespace} is a source of this config, whose data streams are its own`,
      'Name another one, or leave --namespace out: then what differs is shipped as new revisions.',
    );
}

function deliveriesOf(plan: PipelinePlan, store: StateStore, { config, log }: CommandContext): Deliveries {
  const { source, registered, own, sinkName, wantedNotes } = plan;
  const facts = registered.connector.facts(source);
  const pipeline = { registered, own, source: facts, enrichHosts: source.enrichHosts, wantedNotes, sinkName, log };
  return { pipeline, state: store.pipeline(plan.name), path: config.state.path };
}

/** One pipeline: what it has delivered, and what becomes of it. */
interface Part {
  name: string;
  deliveries: Deliveries;
  /** The pipeline that is written to; left out where nothing is shipped. */
  target?: Running;
}

/** Takes no lock: a running Sluice goes on. */
async function compare(cli: Cli, context: CommandContext, range: Range, options: RemapOptions): Promise<RemapResult[]> {
  const built = build(context.config, context.tools, false);
  const store = openState({ ...context.state, now: cli.now, exclusive: false });
  try {
    const parts = knownPlans(built.plans, options, store).map((plan) => ({
      name: plan.name,
      deliveries: deliveriesOf(plan, store, context),
    }));
    return await workOn(cli, context, parts, range, async ({ deliveries }, { see }) => {
      for await (const one of mapAnew(deliveries, range)) {
        cli.signal.throwIfAborted();
        see(one);
      }
    });
  } finally {
    store.close();
    await built.close();
  }
}

async function ship(cli: Cli, context: CommandContext, range: Range, options: RemapOptions): Promise<RemapResult[]> {
  const targets = targetsOf(context, options);
  const opened = openPipelines(context, (plans) => plans.flatMap(({ name }) => targets.get(name) ?? []));
  try {
    const parts = opened.built.plans.flatMap((plan) => {
      const target = opened.running.find(({ pipeline }) => pipeline.name === targets.get(plan.name)?.name);
      if (target === undefined) return [];
      return { name: target.pipeline.name, deliveries: deliveriesOf(plan, opened.store, context), target };
    });
    return await workOn(cli, context, parts, range, async ({ deliveries, target }, { see }) => {
      const { pipeline } = target as Running;
      if (options.namespace === undefined) await remap(pipeline, deliveries, range, cli.signal, see);
      else await copy({ ...pipeline, raw: undefined }, deliveries, range, cli.signal, see);
    });
  } finally {
    await opened.close();
  }
}

/** One after the other, with progress on stderr. */
async function workOn(
  cli: Cli,
  { talk }: CommandContext,
  parts: readonly Part[],
  range: Range,
  work: (part: Part, count: Count) => Promise<void>,
): Promise<RemapResult[]> {
  const results: RemapResult[] = [];
  const total = parts.reduce((sum, { deliveries }) => sum + deliveries.state.countBetween(range), 0);
  const counts = parts.map(createCount);
  const standing = () => {
    const seen = counts.reduce((sum, { records }) => sum + records, 0);
    return { part: Math.min(1, seen / Math.max(1, total)), delivered: seen, as: 'mapped anew' };
  };
  const progress = startProgress({ title: 'remap', cli, talk, standing });
  try {
    for (const [index, part] of parts.entries()) {
      const count = counts[index] as Count;
      await work(part, count);
      const { name: pipeline, deliveries, target } = part;
      const shipped = target && { shipped: target.statistics.delivered, rejected: target.statistics.rejected };
      results.push({ pipeline, ...count.result(deliveries.state, range), ...shipped });
    }
    return results;
  } finally {
    progress.stop();
  }
}

/** What is written, by the name of the pipeline that had delivered it, in the order of the config. */
function targetsOf({ config, tools }: CommandContext, options: RemapOptions): Map<string, PipelinePlan> {
  const { namespace } = options;
  const chosen = chosenPlans(build(config, tools, false).plans, options);
  if (namespace === undefined) return new Map(chosen.map((plan) => [plan.name, plan]));
  const sources = [...new Set(chosen.map(({ source }) => source.name))];
  if (sources.length > 1)
    throw usageError(
      `records of several sources (${sources.join(', ')}) would be in one namespace`,
      'Name one of them with --source.',
    );
  for (const { sinkName } of chosen) {
    const sink = config.sinks.find(({ name }) => name === sinkName);
    if (sink === undefined || sinkTypeOf(sink.type)?.separates?.(sink) !== false) continue;
    throw usageError(
      `sink "${sinkName}" writes every namespace to the same place, where the documents would be twice`,
      'Write {source} into its `topic`, or leave the sink out with a config of its own.',
    );
  }
  return new Map(chosen.map((plan) => [plan.name, inNamespace(plan, namespace)]));
}

/** A pipeline of its own in the state: what it has shipped is not shipped again. */
function inNamespace(plan: PipelinePlan, namespace: string): PipelinePlan {
  const name = `${namespace}/${plan.registered.stream.name}/${plan.sinkName}`;
  return { ...plan, name, source: { ...plan.source, name: namespace } };
}
