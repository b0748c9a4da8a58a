/** `sluice demo`: the whole way on this machine, without an account and without a config. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { stopError } from '../../api/errors.ts';
import { parseConfigObject } from '../../config/load.ts';
import { runPipeline } from '../../engine/runner.ts';
import type { Config } from '../../engine/settings.ts';
import { isStateInUse } from '../../state/sqlite.ts';
import type { JobRow } from '../../state/store.ts';
import { makeFolder } from '../../system/private-files.ts';
import { type CommandContext, commandContextOf, knownStreamsOf } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { unfinishedOrNew, type Wanted } from '../shared/jobs.ts';
import { type CommonOptions, whole, withJson, withLogLevel } from '../shared/options.ts';
import { workOn } from '../shared/own-job.ts';
import { openPipelines } from '../shared/pipelines.ts';
import { withState } from '../shared/stored.ts';
import { DEMO, type DemoSimulator, startDemoSimulator } from './simulator.ts';
import { sayBeginning, sayNext, saySummaries, summaryOf } from './talk.ts';

interface DemoOptions extends CommonOptions {
  detections: number;
  keepGoing?: boolean;
}

const FOLDER = 'sluice-demo';

export function addDemo(program: Command, cli: Cli): void {
  const command = program
    .command('demo')
    .description('try it: ships all streams of a simulated tenant to files under ./sluice-demo')
    .option('--detections <n>', 'how many there are', whole(1, 1_000_000), 10_000)
    .option('--keep-going', 'afterwards, go on with a tenant that changes, until Ctrl-C');
  withLogLevel(withJson(command)).action((options: DemoOptions) => demo(cli, options));
}

async function demo(cli: Cli, options: DemoOptions): Promise<void> {
  makeFolder(FOLDER, {});
  // Asked first: a second demo beside the first would only be in its way.
  if (isStateInUse({ path: join(FOLDER, 'state') })) {
    throw stopError(`another demo is using ${FOLDER}`, 'Wait until it has ended, or run this one in another folder.');
  }
  const simulator = await startDemoSimulator(cli, options);
  try {
    await ship(cli, options, simulator);
  } finally {
    await simulator.close();
  }
}

async function ship(cli: Cli, options: DemoOptions, simulator: DemoSimulator): Promise<void> {
  const config = demoConfig(cli, simulator);
  const context = commandContextOf(cli, config, options);
  const job = addJob(cli, config, simulator);
  sayBeginning(cli, simulator, options.detections);
  const startedAtMs = cli.now();
  const { results, failures, done } = await workOn(cli, context, job, { title: 'demo' });
  if (failures[0] !== undefined) throw failures[0];
  if (!done || results.length === 0) {
    throw stopError('the demo was stopped', 'Run it again: it goes on where it stopped.');
  }
  const seconds = (cli.now() - startedAtMs) / 1000;
  const out = join(FOLDER, 'out', simulator.source);
  const summaries = await Promise.all(
    results.map(async (result) => {
      const [source = '', stream = ''] = result.pipeline.split('/');
      return summaryOf(result, join(FOLDER, 'out', source, stream), (await simulator.countOf(stream)).revisions);
    }),
  );
  saySummaries(cli, summaries, seconds, options.json ?? false);
  const wrong = summaries.filter(({ documents, expected }) => documents !== expected);
  if (wrong.length > 0 && !options.keepGoing) {
    throw stopError(
      `the files do not hold what the simulator has: ${wrong.map(({ stream }) => stream).join(', ')}`,
      `Were files of ${FOLDER} moved or changed? Remove the folder and run the demo again; if it stays so, report it.`,
    );
  }
  if (!options.json) sayNext(cli, out);
  if (options.keepGoing) await keepGoing(cli, context);
}

function apexSource(simulator: DemoSimulator): string {
  return `${simulator.source}_apex`;
}

/** The demo's config: as a file it would be as short. */
function demoConfig(cli: Cli, simulator: DemoSimulator): Config {
  const fast = {
    rate: { requests_per_second: 100_000, concurrency: 16 },
    http: { proxy: 'none' },
    reading: { poll: '5s', child_repeat: '1m', detail_refresh: ['10s', '1m'], task_poll: '100ms' },
  };
  const object = {
    state: { path: join(FOLDER, 'state') },
    sources: [
      {
        name: simulator.source,
        connector: 'cylance',
        base_url: simulator.url,
        tenant_id: DEMO.tenantId,
        application_id: DEMO.applicationId,
        application_secret: DEMO.applicationSecret,
        ...fast,
      },
      {
        name: apexSource(simulator),
        connector: 'apex_central',
        base_url: simulator.url,
        tenant_id: DEMO.tenantId,
        application_id: DEMO.apexApplicationId,
        api_key: DEMO.apexApiKey,
        ...fast,
      },
    ],
    sinks: [{ name: 'files', type: 'ndjson', path: join(FOLDER, 'out') }],
  };
  return parseConfigObject(object, { knownStreams: knownStreamsOf(cli), onSecret: cli.redactor.protect }).config;
}

/** The whole span of the simulated tenant; a demo that was interrupted goes on. */
function addJob(cli: Cli, config: Config, simulator: DemoSimulator): JobRow {
  const pipelines = cli.streams.map(({ connector, stream }) => {
    const source = connector.name === 'cylance' ? simulator.source : apexSource(simulator);
    return `${source}/${stream.name}/files`;
  });
  const [from, to] = [{ ms: simulator.startMs - 1000 }, { ms: simulator.endMs + 1000 }];
  const wanted: Wanted = { kind: 'backfill', from, to, pipelines, as: undefined };
  return withState(cli, config.state, (store) => unfinishedOrNew(store, wanted, cli.now()).job);
}

async function keepGoing(cli: Cli, context: CommandContext): Promise<void> {
  cli.stderr.line('going on with what changes; Ctrl-C ends it');
  const { store, running, close } = openPipelines(context);
  const timer = setInterval(() => {
    for (const { statistics } of running)
      cli.stderr.line(`${statistics.name}: ${statistics.delivered} changes delivered`);
  }, 5000);
  try {
    const options = { store, signal: cli.signal, once: false };
    await Promise.all(
      running.map(({ pipeline, plan }) => runPipeline(pipeline, { ...options, schedule: plan.source.reading })),
    );
  } finally {
    clearInterval(timer);
    await close();
  }
}
