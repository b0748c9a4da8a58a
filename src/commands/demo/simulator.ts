/** The simulator of the demo: a process of its own, so that it does not take the connector's core. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stopError } from '../../api/errors.ts';
import type { Cli } from '../shared/context.ts';

export const DEMO = {
  tenantId: 'demo-tenant',
  applicationId: 'demo-application',
  applicationSecret: 'demo-application-secret',
  apexApplicationId: 'demo-apex-application',
  apexApiKey: 'demo-apex-key',
};

/** Fixed, so that a second demo meets the very same records. */
const END = '2026-01-31T00:00:00.000Z';
const DAYS = 90;
const SEED = 7_000_000;
const USUAL = 10_000;
const QUERIES = 24;
const RESULTS_PER_QUERY = 100;
const RETRIEVED_FILES = 500;
const SCAN_SUMMARIES = 20;

export interface DemoSimulator {
  /**
   * The name of the Cylance source, and the beginning of the Apex Central source's. Every tenant has names of its own, since
   * records of another tenant would read as deleted.
   */
  source: string;
  url: string;
  startMs: number;
  endMs: number;
  /** How many records and revisions of a stream the simulator has: what must have arrived. */
  countOf(stream: string): Promise<{ records: number; revisions: number }>;
  close(): Promise<void>;
}

/** A different number of detections, or a living tenant, is another tenant with other records. */
export async function startDemoSimulator(
  cli: Cli,
  options: { detections: number; keepGoing?: boolean },
): Promise<DemoSimulator> {
  const living = options.keepGoing ?? false;
  const endMs = living ? Math.floor(cli.now() / 60_000 - 10) * 60_000 : Date.parse(END);
  const seed = living ? Math.floor(cli.now() / 1000) : SEED + options.detections;
  const source = living ? `demo_living_${seed}` : options.detections === USUAL ? 'demo' : `demo_${options.detections}`;
  const child = startChild(cli, [
    ...['--port', '0', '--seed', String(seed), '--detections', String(options.detections)],
    ...['--tenant-id', DEMO.tenantId, '--application-id', DEMO.applicationId],
    ...['--application-secret', DEMO.applicationSecret, '--instaqueries', String(QUERIES)],
    ...['--results-per-query', String(RESULTS_PER_QUERY), '--retrieved-files', String(RETRIEVED_FILES)],
    ...['--apex-application-id', DEMO.apexApplicationId, '--apex-api-key', DEMO.apexApiKey],
    ...['--apex-footprints', String(SCAN_SUMMARIES)],
    ...['--end', new Date(endMs).toISOString(), '--days', String(DAYS), ...(living ? ['--living'] : [])],
  ]);
  const url = await readyUrl(child);
  const close = () => end(child);
  const countOf = async (stream: string) => {
    const reply = await fetch(`${url}/_simulator/summary?stream=${stream}`);
    return (await reply.json()) as { records: number; revisions: number };
  };
  return { source, url, startMs: endMs - DAYS * 86_400_000, endMs: living ? cli.now() : endMs, countOf, close };
}

type Child = ReturnType<typeof startChild>;

function startChild(cli: Cli, options: string[]) {
  const [command, ...before] = cli.self;
  // Detached, so that Ctrl-C reaches the demo alone, which ends the simulator when the last batch is safe.
  return spawn(command, [...before, 'simulator', ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...cli.env, SLUICE_STOP_WITH_STDIN: '1' },
    detached: true,
  });
}

async function readyUrl(child: Child): Promise<string> {
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const failed = new Promise<never>((_, reject) => {
    const fail = (error?: Error) => {
      const why = error?.message ?? said.trim();
      reject(stopError(`the simulator did not start: ${why}`, 'Try `sluice simulator` by itself.'));
    };
    child.once('error', fail);
    child.once('close', () => fail());
  });
  failed.catch(() => {});
  const ready = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /ready (\S+)/.exec(line) ?? [];
      if (url !== undefined) return url;
    }
    return failed;
  })();
  return Promise.race([ready, failed]);
}

async function end(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await closed;
}
