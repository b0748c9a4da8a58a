/**
 * `sluice setup elasticsearch`: installs the templates that the streams need, and brings the data streams that exist up to
 * them. A second run changes nothing. `kafka.ts` is beside it.
 */
import type { Command } from 'commander';
import type { DataStreamResult } from '../../sinks/elasticsearch/data-streams.ts';
import type { SetupResult } from '../../sinks/elasticsearch/setup.ts';
import { type CommandContext, openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { declaredStreams, placesOf, sinksOfType } from '../shared/select.ts';
import { table } from '../shared/table.ts';
import { addSetupKafka } from './kafka.ts';
import { addSetupKibana } from './kibana/index.ts';
import { becameOfLatest, changingStreams, demandOneWay, type LatestDone, setUpLatest } from './latest.ts';

interface TemplateSetupOptions extends CommonOptions {
  sink?: string;
  dryRun?: boolean;
  latest?: boolean;
}

export function addSetup(program: Command, cli: Cli): void {
  const setup = program.command('setup').description('prepare a sink');
  const command = setup
    .command('elasticsearch')
    .description('install the templates of every stream, and set the lifecycle')
    .option('--sink <name>', 'only this sink (default: every Elasticsearch sink)')
    .option('--latest', 'also transforms, with which the cluster keeps the newest revision of each record')
    .option('--dry-run', 'say what would change, and change nothing');
  withCommon(command).action((options: TemplateSetupOptions) => setUp(cli, options));
  addSetupKafka(setup, cli);
  addSetupKibana(setup, cli);
}

interface Done extends LatestOf {
  templates: (SetupResult & { sink: string })[];
  dataStreams: (DataStreamResult & { sink: string })[];
}

type Named<Result> = Result & { sink: string };

interface LatestOf {
  latest: Named<LatestDone['latest'][number]>[];
  transforms: Named<LatestDone['transforms'][number]>[];
}

async function setUp(cli: Cli, options: TemplateSetupOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const done: Done = { templates: [], dataStreams: [], latest: [], transforms: [] };
  for (const settings of sinksOfType(context.config, 'elasticsearch', options.sink)) {
    const byTransforms = options.latest ?? false;
    demandOneWay(settings, byTransforms);
    const set = await setUpSink(cli, context, settings, { byTransforms, dryRun: options.dryRun ?? false });
    const named = <Result>(results: Result[]) => results.map((result) => ({ sink: settings.name, ...result }));
    done.templates.push(...named(set.templates));
    done.dataStreams.push(...named(set.dataStreams));
    done.latest.push(...named(set.latest));
    done.transforms.push(...named(set.transforms));
  }
  print(cli, done, options);
}

type Settings = ReturnType<typeof sinksOfType<'elasticsearch'>>[number];

async function setUpSink(
  cli: Cli,
  context: CommandContext,
  settings: Settings,
  { byTransforms, dryRun }: { byTransforms: boolean; dryRun: boolean },
) {
  // Loaded only here: the field dictionary and the client cost every other command half a second of start.
  const { connectElasticsearch } = await import('../../sinks/elasticsearch/client.ts');
  const { detectCapability, setupElasticsearch, templateList } = await import('../../sinks/elasticsearch/setup.ts');
  const { templatesFor } = await import('../../sinks/elasticsearch/templates.ts');
  const { setupDataStreams } = await import('../../sinks/elasticsearch/data-streams.ts');
  const { latestTemplate } = await import('../../sinks/elasticsearch/latest/template.ts');
  const { demandPolicy } = await import('../../sinks/elasticsearch/lifecycle.ts');
  const { lifecycle, name } = settings;
  const { signal } = cli;
  const streams = declaredStreams(context.config, context.tools.streams, name);
  const client = connectElasticsearch(settings);
  try {
    const { capability, says } = await detectCapability(client, signal);
    cli.stderr.line(`${client.where}: ${says}`);
    await demandPolicy(client, lifecycle, signal);
    const wanted = [
      ...templateList(streams.map((each) => templatesFor({ ...each, capability, lifecycle }))),
      ...(settings.latest || byTransforms ? changingStreams(context) : []).map((one) =>
        latestTemplate(one, capability),
      ),
    ];
    const templates = await setupElasticsearch(client, wanted, { dryRun, signal });
    const isNew = new Set(templates.filter(({ action }) => action !== 'unchanged').map((each) => each.name));
    const foreseen = dryRun ? wanted.filter((template) => isNew.has(template.name)) : [];
    const names = placesOf(context.config, name).map(({ stream, namespace }) => `logs-${stream}-${namespace}`);
    const set = await setupDataStreams(client, { dataStreams: names, lifecycle, foreseen, dryRun, signal });
    for (const note of set.notes) cli.stderr.line(`${client.where}: ${note}`);
    const kept = await setUpLatest(context, settings, client, { byTransforms, dryRun, signal });
    return { templates, dataStreams: set.results, ...kept };
  } finally {
    await client.close();
  }
}

function print(cli: Cli, done: Done, { json, dryRun = false }: TemplateSetupOptions): void {
  if (json) return void cli.stdout.json({ dryRun, ...done });
  const { templates, dataStreams, latest, transforms } = done;
  const would = (words: string) => (dryRun ? `would be ${words}` : words);
  const word = (action: SetupResult['action']) => (action === 'unchanged' ? action : would(action));
  cli.stdout.lines(
    table([
      ...templates.map(({ sink, kind, name, action }) => [sink, `${kind} template`, name, word(action)]),
      ...dataStreams.map((one) => [one.sink, 'data stream', one.name, becameOf(one, would)]),
      ...latest.map((one) => [one.sink, 'newest revisions', one.name, becameOfLatest(one, would)]),
      ...transforms.map(({ sink, name, action }) => [sink, 'transform', name, word(action)]),
    ]),
  );
  const isDone = dataStreams.every((one) => one.lifecycle === undefined);
  const all = [...templates, ...dataStreams, ...latest, ...transforms];
  if (isDone && all.every(({ action }) => action === 'unchanged')) cli.stdout.line('Everything is installed already.');
}

/** Fields that are named of those whose mapping changed. */
const NAMED = 3;

function becameOf({ changed, action, lifecycle }: DataStreamResult, would: (words: string) => string): string {
  const more = changed.length > NAMED ? `, and ${changed.length - NAMED} more` : '';
  const words = [
    ...(action === 'unchanged'
      ? []
      : [would(`rolled over (new mappings of ${changed.slice(0, NAMED).join(', ')}${more})`)]),
    ...(lifecycle === undefined ? [] : [would(`given ${lifecycle}`)]),
  ];
  return words.length === 0 ? 'unchanged' : words.join('; ');
}
