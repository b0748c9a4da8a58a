/** `sluice simulator`: the vendor's API on this machine, for trying things out. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { messageOf, stopError, usageError } from '../api/errors.ts';
import { parseTimeMs } from '../api/time.ts';
import type { Cli, SimulatorChoices } from './shared/context.ts';
import { whole } from './shared/options.ts';

interface Options {
  port: number;
  host: string;
  seed: number;
  detections: number;
  instaqueries: number;
  resultsPerQuery: number;
  retrievedFiles: number;
  giantResults: number;
  items: Record<string, number>;
  apexFootprints: number;
  apexApplicationId: string;
  apexApiKey: string;
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  scopes?: string[];
  faults?: string;
  living?: boolean;
  latency: number;
  end?: string;
  days?: number;
  plantSecrets?: boolean;
  oddForms?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  replay?: string;
}

export function addSimulator(program: Command, cli: Cli): void {
  program
    .command('simulator')
    .description("serve the vendor's API as documented, with generated records, until a signal")
    .option('--port <n>', 'port; 0 takes a free one', whole(0, 65_535), 8480)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--seed <n>', 'the same seed gives the same records', whole(0), 1)
    .option('--detections <n>', 'how many detections there are', whole(0, 100_000_000), 10_000)
    .option('--instaqueries <n>', 'how many InstaQueries there are', whole(0, 1_000_000), 12)
    .option('--results-per-query <n>', 'about how many results a query has', whole(0, 1_000_000), 40)
    .option('--retrieved-files <n>', 'how many retrieved files there are', whole(0, 1_000_000), 200)
    .option('--giant-results <n>', 'one more query, with so many results of 1 KB', whole(0, 99_999_999), 0)
    .option('--items <name=n...>', 'how many items other resources have: devices=120', itemCount, {})
    .option('--apex-footprints <n>', 'how many scan summaries Apex Central has', whole(0, 10_000), 20)
    .option('--apex-application-id <id>', 'application that Apex Central accepts', 'simulated-apex-application')
    .option('--apex-api-key <key>', 'key that Apex Central accepts', 'simulated-apex-key')
    .option('--tenant-id <id>', 'tenant that it accepts', 'simulated-tenant')
    .option('--application-id <id>', 'application that it accepts', 'simulated-application')
    .option('--application-secret <secret>', 'secret that it accepts', 'simulated-secret')
    .option('--scopes <scope...>', 'scopes that the application has (default: all)')
    .option('--faults <file>', 'fault plan: a JSON list of what goes wrong, where and when')
    .option('--living', 'a tenant that changes while it is read')
    .option('--latency <ms>', 'wait before each reply', whole(0), 0)
    .option('--end <time>', 'time of the newest detection (default: ten minutes ago)')
    .option('--days <n>', 'how many days the detections span', whole(1, 3650))
    .option('--plant-secrets', 'put secrets into every field that may hold one')
    .option('--odd-forms', 'also serve the forms that public clients do not expect')
    .option(
      '--replay <file>',
      'serve what `sluice record` has kept instead; other options than --port and --host do nothing',
    )
    .option('--tls-cert <file>', 'serve HTTPS too, with this certificate (PEM)')
    .option('--tls-key <file>', 'and this key (PEM)')
    .action((options: Options) => simulate(cli, options));
}

/** `devices=120`, added to those before. */
function itemCount(text: string, before: Record<string, number>): Record<string, number> {
  const [, name, number] = /^([a-z-]+)=(\d{1,6})$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('write name=number, such as devices=120.');
  return { ...before, [name]: Number(number) };
}

async function simulate(cli: Cli, options: Options): Promise<void> {
  if (options.replay !== undefined) return replay(cli, options, options.replay);
  const { runSimulator } = await cli.simulator();
  const simulator = await runSimulator(choicesOf(options), { write: cli.stdout.page }).catch(
    (error: NodeJS.ErrnoException) => {
      const message = messageOf(error).replace(/^simulator: /, '');
      if (error.code === undefined) throw usageError(message);
      throw stopError(`the simulator cannot start: ${message}`, 'Choose another --port.');
    },
  );
  const { range } = simulator;
  cli.stderr.line(`${options.detections} detections from ${range.start} to ${range.end}; Ctrl-C ends it`);
  cli.stderr.page(configFor(simulator.url, options));
  if (!cli.signal.aborted)
    await new Promise((resolve) => cli.signal.addEventListener('abort', resolve, { once: true }));
  await simulator.close();
}

/** The recording tells what there is; its times are those of then. */
async function replay(cli: Cli, { port, host }: Options, path: string): Promise<void> {
  const { startReplay } = await cli.simulator();
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    throw usageError(`--replay ${path} cannot be read: ${messageOf(error)}`);
  }
  const running = await startReplay({ file, port, host }, { write: cli.stdout.page }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === undefined) throw usageError(`--replay ${path}: ${messageOf(error)}`);
      throw stopError(`the recording cannot be served: ${messageOf(error)}`, 'Choose another --port.');
    },
  );
  cli.stderr.line(`a recording of ${running.at}; Ctrl-C ends it`);
  cli.stderr.page(replayConfig(running, cli.now()));
  if (!cli.signal.aborted)
    await new Promise((resolve) => cli.signal.addEventListener('abort', resolve, { once: true }));
  await running.close();
  for (const asked of running.missing()) cli.stderr.line(`not recorded: ${asked}`);
}

const DAY_MS = 86_400_000;

/** The sources of a config that reads the recording; the live edge has to look back as far as it reaches. */
function replayConfig({ url, sources, oldest }: Awaited<ReturnType<Replayed>>, nowMs: number): string {
  const days = oldest === undefined ? 1 : Math.ceil((nowMs - Date.parse(oldest)) / DAY_MS) + 1;
  const lines = sources.flatMap(({ name, connector, streams }) => [
    `  - name: ${name}`,
    `    connector: ${connector}`,
    `    base_url: ${url}/${name}`,
    ...(connector === 'apex_central'
      ? ['    application_id: replay', '    api_key: replay-key']
      : ['    tenant_id: replay', '    application_id: replay', '    application_secret: replay-secret']),
    `    streams: [${streams.join(', ')}]`,
    `    reading: { lookback: ${days}d }`,
  ]);
  return `Sources for sluice.yaml:\n${lines.join('\n')}\n`;
}

type Replayed = Awaited<ReturnType<Cli['simulator']>>['startReplay'];

function choicesOf(options: Options): SimulatorChoices {
  const { end, days, latency, faults, living, instaqueries, tlsCert, tlsKey, plantSecrets = false, ...rest } = options;
  const { apexApplicationId, apexApiKey, apexFootprints, ...same } = rest;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) throw usageError('--tls-cert and --tls-key go together');
  const endMs = end === undefined ? undefined : parseTimeMs(end);
  if (end !== undefined && endMs === undefined) throw usageError(`--end ${JSON.stringify(end)} is no time`);
  return {
    ...same,
    apex: { applicationId: apexApplicationId, apiKey: apexApiKey, footprints: apexFootprints },
    instaQueries: instaqueries,
    plantSecrets,
    latencyMs: latency,
    spanDays: days,
    endTime: endMs === undefined ? undefined : new Date(endMs).toISOString(),
    faults: faults === undefined ? undefined : readPlan(faults),
    living: living ? livingOf(options) : undefined,
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? undefined
        : { cert: read('--tls-cert', tlsCert), key: read('--tls-key', tlsKey) },
  };
}

/** A little of everything, in proportion. */
function livingOf({ detections, instaqueries, retrievedFiles }: Options): Record<string, number> {
  const some = (part: number) => Math.max(1, Math.round(detections * part));
  return {
    arrivals: some(0.02),
    lateArrivals: some(0.005),
    statusChanges: some(0.02),
    returns: some(0.005),
    commentChanges: some(0.01),
    responseChanges: some(0.005),
    deletions: some(0.005),
    ...(instaqueries > 0 ? { queriesGrow: 3, queriesArchived: 1, queriesDeleted: 1 } : {}),
    filesMove: Math.ceil(retrievedFiles * 0.05),
    itemsMove: 3,
    itemsDeleted: 1,
  };
}

function readPlan(path: string): never {
  const text = read('--faults', path);
  try {
    return JSON.parse(text) as never; // checked rule by rule by the simulator
  } catch (error) {
    throw usageError(`--faults ${path} is no JSON: ${messageOf(error)}`);
  }
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(`${option} ${path} cannot be read: ${messageOf(error)}`);
  }
}

/** The sources of a config that reads it. */
function configFor(url: string, options: Options): string {
  const { tenantId, applicationId, applicationSecret, apexApplicationId, apexApiKey } = options;
  const lines = [
    'Sources for sluice.yaml:',
    '  - name: simulated',
    '    connector: cylance',
    `    base_url: ${url}`,
    `    tenant_id: ${tenantId}`,
    `    application_id: ${applicationId}`,
    `    application_secret: ${applicationSecret}`,
    '  - name: simulated_apex',
    '    connector: apex_central',
    `    base_url: ${url}`,
    `    application_id: ${apexApplicationId}`,
    `    api_key: ${apexApiKey}`,
    `Or the first of them by \`sluice init --yes --url ${url}\`, with these variables:`,
    `  export CYLANCE_TENANT_ID=${tenantId} CYLANCE_APPLICATION_ID=${applicationId} CYLANCE_APPLICATION_SECRET=${applicationSecret}`,
  ];
  return `${lines.join('\n')}\n`;
}
