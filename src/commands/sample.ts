/** `sluice sample`: a vendor record beside the document that is made of it. Writes nothing. */
import type { Command } from 'commander';
import type { EcsDocument } from '../api/document.ts';
import { actionOf, messageOf } from '../api/errors.ts';
import { revisionOf } from '../api/records/identity.ts';
import { withoutSecrets } from '../api/records/secrets.ts';
import type { StreamContext } from '../api/stream.ts';
import type { Walk } from '../api/walk.ts';
import { build, type PipelinePlan } from '../engine/build.ts';
import { toDocument } from '../engine/change/document.ts';
import { stamped, toJson } from '../sinks/serialize.ts';
import { type CommandContext, openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, whole, withCommon } from './shared/options.ts';
import { firstRecords, impatient, streamContextFor } from './shared/probe.ts';
import { chosenPlans, unknown } from './shared/select.ts';

const DAY_MS = 86_400_000;
/** The newest are the most interesting; a quiet tenant is searched further back. */
const DAYS = [1, 30, 365, 3650];

interface SampleOptions extends CommonOptions {
  number: number;
  source?: string;
  raw?: boolean;
}

export function addSample(program: Command, cli: Cli): void {
  const command = program
    .command('sample')
    .description('show vendor records (secrets removed) beside their documents; writes nothing')
    .argument('<stream>', 'e.g. cylance.detection')
    .option('-n, --number <n>', 'how many', whole(1, 1000), 1)
    .option('--source <name>', 'of this source (default: the first that has the stream)')
    .option('--raw', 'only the vendor record');
  withCommon(command).action((stream: string, options: SampleOptions) => sample(cli, stream, options));
}

async function sample(cli: Cli, stream: string, options: SampleOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const known = context.tools.streams.map((one) => one.stream.name as string);
  if (!known.includes(stream)) throw unknown('stream', stream, known);
  const built = build(impatient(context.config), context.tools, false);
  try {
    const source = options.source === undefined ? undefined : [options.source];
    const [plan] = chosenPlans(built.plans, { stream: [stream], source });
    if (plan !== undefined) await show(cli, context, plan, options);
  } finally {
    await built.close();
  }
}

async function show(
  cli: Cli,
  context: CommandContext,
  plan: PipelinePlan,
  { number, raw, json }: SampleOptions,
): Promise<void> {
  const streamContext = streamContextFor(context, plan, cli.signal);
  const records = await newest(cli, plan, streamContext, number);
  if (records.length === 0)
    cli.stderr.line(`source "${plan.source.name}" has no records of ${plan.registered.stream.name}`);
  for (const listed of records) {
    const record = await wholeRecord(plan, streamContext, listed);
    const shown = raw ? record : { record, ...madeOf(cli, plan, record) };
    cli.stdout.json(shown, json ? undefined : 2);
  }
}

async function newest(cli: Cli, plan: PipelinePlan, streamContext: StreamContext, count: number): Promise<unknown[]> {
  const toMs = cli.now();
  let found: unknown[] = [];
  for (const days of DAYS) {
    found = await firstRecords(plan, streamContext, { fromMs: toMs - days * DAY_MS, toMs }, count);
    if (found.length >= count || plan.registered.stream.mode !== 'windows') break; // the stream has no time filter
  }
  return found;
}

/** The detail where details are read; the list record where there is none any more. */
async function wholeRecord(plan: PipelinePlan, streamContext: StreamContext, listed: unknown): Promise<unknown> {
  const { stream } = plan.registered;
  if (!plan.source.reading.details || stream.detail === undefined) return listed;
  try {
    return withoutSecrets(await stream.detail(streamContext, stream.key(listed), listed), stream.secrets);
  } catch (error) {
    if (actionOf(error) === 'skip') return listed;
    throw error;
  }
}

/** As `run` would ship it the first time; where the config has a mapping of its own, also what Sluice's mapping makes of it. */
function madeOf(cli: Cli, { registered, source, own }: PipelinePlan, record: unknown): Record<string, unknown> {
  const nowMs = cli.now();
  const { stream } = registered;
  const revision = revisionOf(record, new Set(stream.ignored));
  const facts = { key: stream.key(record), revision, ordinal: 1, action: undefined, detailMissing: false };
  const walk: Walk = { id: 'sample', kind: 'live', range: { fromMs: nowMs, toMs: nowMs } };
  const known = registered.connector.facts(source);
  const make = (trouble?: string) => toDocument(registered, known, record, facts, walk, nowMs, trouble);
  const shown = (document: EcsDocument) => JSON.parse(stamped(toJson(document), new Date(nowMs).toISOString()));
  if (own === undefined) return { document: shown(make()) };
  const before = shown(make());
  try {
    const applied = own.apply(make(), record, known);
    if ('droppedBy' in applied) return { before, dropped: `by ${applied.droppedBy}` };
    return { before, document: shown(applied.document) };
  } catch (error) {
    return { before, document: shown(make(`this record cannot be shipped: ${messageOf(error)}`)) };
  }
}
