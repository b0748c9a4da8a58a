/** The real program as a child process beside a simulator in this one: for proofs that nothing in between could fake. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { seed } from '../seed.ts';

/** Long and unlike anything else, so that a search for it in the outputs finds only the secret. */
export const SECRET = 'application-secret-q7Vz-of-the-end-to-end-tests';
export const TENANT = { tenantId: 'tenant-e2e', applicationId: 'application-e2e', applicationSecret: SECRET };
/** Of Trend Micro Apex Central, which the simulator serves on the same port. */
export const APEX = { applicationId: 'apex-application-e2e', apiKey: 'apex-api-key-q7Vz-of-the-end-to-end-tests' };

/** Which source of `configOf` reads a stream. */
export function sourceOf(stream: string): string {
  return stream.startsWith('apex_central.') ? 'acme_apex' : 'acme';
}
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export type Signal = 'SIGTERM' | 'SIGKILL';

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export interface Child {
  pid: number | undefined;
  stderr(): string;
  /** Undefined while it runs. */
  hasEnded(): Ended | undefined;
  end(signal: Signal): Promise<Ended>;
  ended: Promise<Ended>;
}

export interface Place {
  folder: string;
  simulator: Simulator;
  seed: number;
  /** Writes sluice.yaml; JSON is YAML. */
  configure(config: object): void;
  start(argv: string | string[], env?: Readonly<Record<string, string>>): Child;
  sluice(...argv: string[]): Promise<Ended>;
  close(): Promise<void>;
}

/** What `npx sluice` starts. */
export const BIN = join(import.meta.dirname, '..', '..', 'bin', 'sluice.js');

export async function openPlace(
  options: Partial<SimulatorOptions> & { detections: number },
  entry = MAIN,
): Promise<Place> {
  console.log(`seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'));
  const simulator = await startSimulator({ ...TENANT, seed, ...options });
  const running = new Set<ChildProcess>();
  const start: Place['start'] = (argv, more = {}) => launch(folder, [entry, ...[argv].flat()], more, running);
  return {
    folder,
    simulator,
    seed,
    configure: (config) => writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config, undefined, 2)),
    start,
    sluice: (...argv) => start(argv).ended,
    async close() {
      for (const child of running) child.kill('SIGKILL');
      await simulator.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** In a folder without a simulator. */
export function launchIn(folder: string, argv: string[], running: Set<ChildProcess>): Child {
  return launch(folder, [MAIN, ...argv], {}, running);
}

function launch(folder: string, argv: string[], more: object, running: Set<ChildProcess>): Child {
  const env = { PATH: process.env.PATH, HOME: folder, SLUICE_SECRET: SECRET, APEX_KEY: APEX.apiKey, ...more };
  const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  let result: Ended | undefined;
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      result = { code, signal, stdout, stderr };
      resolve(result);
    });
  });
  const end = (signal: Signal) => {
    child.kill(signal);
    return ended;
  };
  return { pid: child.pid, stderr: () => stderr, hasEnded: () => result, end, ended };
}

/** Polls, sweeps and refreshes in seconds instead of minutes, over everything that the simulator has. */
export const LIVELY = {
  lookback: '400d',
  poll: '1s',
  sweeps: [{ range: '400d', every: '2s' }],
  detail_refresh: ['1s', '8s'],
  detail_refresh_for: '3650d',
  page_size: 400,
  max_window_records: 1000,
};

export interface ConfigParts {
  url: string;
  sinks: object[];
  source?: object;
  reading?: object;
  /** Whether Apex Central is read, too. */
  apex?: boolean;
  [section: string]: unknown;
}

/** One source that reads the simulator, or two; their secrets come from the environment, as they should. */
export function configOf({ url, sinks, source, reading, apex = false, ...rest }: ConfigParts): object {
  const shared = {
    rate: { requests_per_second: 5000, concurrency: 16 },
    http: { proxy: 'none' },
    retry: { deadline: '60s', first_delay: '50ms', max_delay: '1s' },
    reading: { ...LIVELY, ...reading },
  };
  const one = {
    name: 'acme',
    connector: 'cylance',
    streams: ['cylance.detection'],
    base_url: url,
    tenant_id: TENANT.tenantId,
    application_id: TENANT.applicationId,
    application_secret: `\${SLUICE_SECRET}`,
    ...shared,
    ...source,
  };
  const other = {
    ...{ name: 'acme_apex', connector: 'apex_central', base_url: url },
    ...{ application_id: APEX.applicationId, api_key: `\${APEX_KEY}` },
    ...shared,
    keep_original: true,
  };
  return { log: { format: 'json' }, sources: apex ? [one, other] : [one], sinks, ...rest };
}

/** Waits until the condition holds. Says what it waited for when it never does. */
export async function until(what: string, limitMs: number, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1000} s in vain until ${what}`);
    await sleep(50);
  }
}
