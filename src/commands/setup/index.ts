/** `sluice setup elasticsearch`: installs the templates that the streams need. A second run changes nothing. `kafka.ts` is beside it. */
import type { Command } from 'commander';
import type { EsClient } from '../../sinks/elasticsearch/client.ts';
import type { SetupResult } from '../../sinks/elasticsearch/setup.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { type CommonOptions, withCommon } from '../shared/options.ts';
import { declaredStreams, sinksOfType } from '../shared/select.ts';
import { table } from '../shared/table.ts';
import { addSetupKafka } from './kafka.ts';

interface TemplateSetupOptions extends CommonOptions {
  sink?: string;
  dryRun?: boolean;
}

export function addSetup(program: Command, cli: Cli): void {
  const setup = program.command('setup').description('prepare a sink');
  const command = setup
    .command('elasticsearch')
    .description('install the component and index templates of every stream')
    .option('--sink <name>', 'only this sink (default: every Elasticsearch sink)')
    .option('--dry-run', 'say what would change, and change nothing');
  withCommon(command).action((options: TemplateSetupOptions) => setUp(cli, options));
  addSetupKafka(setup, cli);
}

async function setUp(cli: Cli, options: TemplateSetupOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const done: (SetupResult & { sink: string })[] = [];
  for (const sink of sinksOfType(context.config, 'elasticsearch', options.sink)) {
    const { connectElasticsearch } = await import('../../sinks/elasticsearch/client.ts');
    const client = connectElasticsearch(sink);
    try {
      const results = await setUpSink(
        cli,
        declaredStreams(context.config, context.tools.streams),
        client,
        options.dryRun ?? false,
      );
      done.push(...results.map((result) => ({ sink: sink.name, ...result })));
    } finally {
      await client.close();
    }
  }
  print(cli, done, options);
}

async function setUpSink(
  cli: Cli,
  streams: ReturnType<typeof declaredStreams>,
  client: EsClient,
  dryRun: boolean,
): Promise<SetupResult[]> {
  // Loaded only here: the field dictionary and the client cost every other command half a second of start.
  const { detectCapability, setupElasticsearch, templateList } = await import('../../sinks/elasticsearch/setup.ts');
  const { templatesFor } = await import('../../sinks/elasticsearch/templates.ts');
  const { capability, says } = await detectCapability(client, cli.signal);
  cli.stderr.line(`${client.where}: ${says}`);
  const templates = templateList(streams.map(({ stream, fields }) => templatesFor({ stream, fields, capability })));
  return setupElasticsearch(client, templates, { dryRun, signal: cli.signal });
}

function print(
  cli: Cli,
  done: (SetupResult & { sink: string })[],
  { json, dryRun = false }: TemplateSetupOptions,
): void {
  if (json) return void cli.stdout.json({ dryRun, templates: done });
  const word = (action: SetupResult['action']) => (dryRun && action !== 'unchanged' ? `would be ${action}` : action);
  cli.stdout.lines(table(done.map(({ sink, kind, name, action }) => [sink, `${kind} template`, name, word(action)])));
  if (done.every(({ action }) => action === 'unchanged')) cli.stdout.line('Everything is installed already.');
}
