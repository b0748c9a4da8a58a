/** `sluice init`: a config to begin with, or a connector of one's own. Asks only what it must, and writes no secret. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Connector } from '../../api/connector.ts';
import { usageError } from '../../api/errors.ts';
import { parseConfigText } from '../../config/load.ts';
import { sourceName } from '../../config/sources.ts';
import { sinkTypeOf, sinkTypes } from '../../sinks/registry.ts';
import { fileOf, knownStreamsOf } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { withConfig } from '../shared/options.ts';
import { initConnector } from './connector.ts';
import { type Beginning, configText, type Variable } from './file.ts';
import { type Ask, askFor, defaultOf, jsonSchemaOf, problemIn } from './questions.ts';

interface Options {
  config?: string;
  source?: string;
  name?: string;
  region?: string;
  url?: string;
  sink?: string;
  address?: string;
  yes?: boolean;
  force?: boolean;
}

export function addInit(program: Command, cli: Cli): void {
  const init = withConfig(program.command('init'))
    .description('write a config to begin with; asks what no option says')
    .option('--source <connector>', 'the vendor: cylance, apex_central')
    .option('--name <name>', "the source's name; it becomes the namespace of the data streams")
    .option('--region <region>', 'where the tenant lives')
    .option('--url <url>', 'the API as a whole URL, instead of a region')
    .option('--sink <type>', 'where documents go: ndjson, elasticsearch, kafka')
    .option('--address <address>', "the sink's: URLs of nodes, brokers, or a folder")
    .option('--yes', 'ask nothing: take the default of whatever no option says')
    .option('--force', 'write over a config that is there')
    .action((options: Options) => initConfig(cli, options));
  init
    .command('connector <name>')
    .description('write a connector, with its mapping, fixtures and tests, into a folder of that name')
    .action((name: string) => initConnector(cli, name));
}

async function initConfig(cli: Cli, options: Options): Promise<void> {
  const file = fileOf(cli, options);
  if (existsSync(file) && !options.force) throw isThere(file);
  const ask = askFor(cli, options.yes ?? false);
  const beginning = await beginningOf(cli, options, ask);
  const { text, variables } = configText(beginning);
  const env = Object.fromEntries(variables.map(({ name }) => [name, 'to-be-set']));
  parseConfigText(text, file, { env, knownStreams: knownStreamsOf(cli) });
  write(file, text, options.force ?? false);
  cli.stdout.lines(whatIsNext(cli, file, beginning, variables));
}

async function beginningOf(cli: Cli, options: Options, ask: Ask): Promise<Beginning> {
  const connectors = new Map(cli.streams.map(({ connector }) => [connector.name, connector]));
  const names = [...connectors.keys()];
  const vendor = { option: 'source', given: options.source, fallback: names[0], choices: names };
  const connector = connectors.get(await ask({ ...vendor, text: `Which vendor (${names.join(', ')})` })) as Connector;
  const place = await placeOf(connector, options, ask);
  const name = await ask({
    ...{ option: 'name', given: options.name, fallback: connector.name, problem: problemIn(sourceName()) },
    text: "The source's name, which becomes the namespace of its data streams",
  });
  const types = sinkTypes.filter(({ beginning }) => beginning !== undefined).map(({ type }) => type);
  const kind = { option: 'sink', given: options.sink, fallback: types[0], choices: types };
  const type = await ask({ ...kind, text: `Where documents go (${types.join(', ')})` });
  return { connector, source: { name, place }, sink: { type, keys: await sinkKeys(type, options, ask) } };
}

/** Where the tenant is: a region, where the vendor has some, or a URL. */
async function placeOf(
  { name, config }: Connector,
  options: Options,
  ask: Ask,
): Promise<Readonly<Record<string, string>>> {
  const { base_url: url, region } = config.keys;
  for (const [option, key] of [['region', region] as const, ['url', url] as const])
    if (options[option] !== undefined && key === undefined) throw usageError(`${name} has no ${option}`);
  if (options.region !== undefined && options.url !== undefined)
    throw usageError('--region and --url exclude each other');
  if (url === undefined) return {};
  const isUrl = (answer: string) => region === undefined || options.url !== undefined || /^https?:/.test(answer);
  const { enum: regions = [] } = region === undefined ? {} : jsonSchemaOf(region);
  const answer = await ask({
    option: options.region === undefined ? 'url' : 'region',
    given: options.region ?? options.url,
    text:
      region === undefined
        ? 'The URL of the API'
        : `The region of the tenant (${regions.join(', ')}), or the URL of the API`,
    fallback: region === undefined ? undefined : defaultOf(region),
    problem: (answer) =>
      isUrl(answer)
        ? problemIn(url)(answer)
        : regions.includes(answer)
          ? undefined
          : `is none of: ${regions.join(', ')}`,
  });
  return isUrl(answer) ? { base_url: answer } : { region: answer };
}

async function sinkKeys(type: string, options: Options, ask: Ask): Promise<Beginning['sink']['keys']> {
  const { beginning, schema } = sinkTypeOf(type) ?? {};
  if (beginning === undefined) throw new Error(`sink ${type} has no beginning`);
  const { key, isList, question: text, fallback } = beginning;
  const several = (answer: string) => answer.split(',').map((each) => each.trim());
  const asKey = (answer: string) => (isList ? several(answer) : answer);
  const problem = (answer: string) => problemIn(schema?.shape[key])(asKey(answer));
  const answer = await ask({ option: 'address', given: options.address, text, fallback, problem });
  return { [key]: asKey(answer), ...beginning.further?.(several(answer)) };
}

function write(file: string, text: string, isForced: boolean): void {
  try {
    writeFileSync(file, text, { flag: isForced ? 'w' : 'wx' });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw isThere(file);
    throw usageError(`${file} cannot be written (${code})`, 'Name another with --config.');
  }
}

function isThere(file: string): Error {
  return usageError(`${file} is there already`, 'Name another with --config, or write over it with --force.');
}

function whatIsNext(
  { env, streams }: Cli,
  file: string,
  { connector, sink }: Beginning,
  variables: readonly Variable[],
): string[] {
  const ours = streams.filter((one) => one.connector.name === connector.name);
  const scopes = [...new Set(ours.flatMap(({ stream }) => stream.about.scopes))].filter((scope) => scope !== '');
  const width = Math.max(...variables.map(({ name }) => name.length));
  const config = file === 'sluice.yaml' ? '' : ` --config ${file}`;
  const steps = ['check', ...(sinkTypeOf(sink.type)?.beginning?.isSetUp ? [`setup ${sink.type}`] : []), 'run'];
  return [
    `${file} is written. It refers to these variables of the environment:`,
    ...variables.map(({ name, about }) => `  ${name.padEnd(width)}  ${env[name] ? 'is set' : 'to be set'}: ${about}`),
    ...(scopes.length === 0
      ? []
      : [`For all streams, the application needs these scopes in the vendor's console: ${scopes.join(', ')}`]),
    'Then:',
    ...steps.map((step) => `  sluice ${step}${config}`),
  ];
}
