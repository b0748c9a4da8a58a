/** The real program as a child process, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { seed } from '../seed.ts';

export const SECRET = 'a-secret-of-the-tests';
export const TENANT = { tenantId: 'tenant-1', applicationId: 'application-1', applicationSecret: SECRET };
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Started {
  child: ChildProcess;
  /** What it wrote so far, stdout and stderr together. */
  said(): string;
  ended: Promise<Ended>;
}

export interface Workplace {
  folder: string;
  simulator: Simulator;
  /** Writes sluice.yaml. */
  configure(overrides?: Overrides): void;
  start(...argv: string[]): Started;
  sluice(...argv: string[]): Promise<Ended>;
  /** As a user without rights, where the tests run as root, whom no folder keeps out. */
  sluiceAsNobody(...argv: string[]): Promise<Ended>;
  /** Every document that was written, as its `event.id` and revision. */
  delivered(): string[];
  close(): Promise<void>;
}

export interface Overrides {
  url?: string;
  secret?: string;
  sink?: string;
  rate?: number;
  extra?: string;
}

export async function workplace(options: Partial<SimulatorOptions> & { detections: number }): Promise<Workplace> {
  console.log(`seed ${seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
  const simulator = await startSimulator({ ...TENANT, seed, ...options });
  const running = new Set<ChildProcess>();
  const start = (...argv: string[]): Started => startAs(undefined, argv);
  const startAs = (uid: number | undefined, argv: string[]): Started => {
    const started = launch(folder, argv, uid);
    running.add(started.child);
    void started.ended.then(() => running.delete(started.child));
    return started;
  };
  return {
    folder,
    simulator,
    configure: (overrides = {}) => writeFileSync(join(folder, 'sluice.yaml'), configOf(simulator.url, overrides)),
    start,
    sluice: (...argv) => start(...argv).ended,
    sluiceAsNobody(...argv) {
      if (process.getuid?.() !== 0) return start(...argv).ended;
      chmodSync(folder, statSync(folder).mode | 0o055);
      return startAs(NOBODY, argv).ended;
    },
    delivered: () => documentsIn(join(folder, 'sluice-out')),
    async close() {
      for (const child of running) child.kill('SIGKILL');
      await simulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A user without rights. */
export const NOBODY = 65_534;

export function launch(folder: string, argv: string[], uid?: number): Started {
  const env = { PATH: process.env.PATH, HOME: folder };
  const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env, uid, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
  return { child, said: () => stdout + stderr, ended };
}

function configOf(url: string, overrides: Overrides): string {
  return `
sources:
  - name: acme
    connector: cylance
    streams: [cylance.detection]
    base_url: ${overrides.url ?? url}
    tenant_id: ${TENANT.tenantId}
    application_id: ${TENANT.applicationId}
    application_secret: ${overrides.secret ?? SECRET}
    rate: { requests_per_second: ${overrides.rate ?? 5000} }
    http: { proxy: none }
sinks:
  - ${overrides.sink ?? '{ name: files, type: ndjson }'}
${overrides.extra ?? ''}`;
}

function documentsIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.ndjson'));
  return names.flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { event } = JSON.parse(line) as { event: { id: string; hash: string } };
        return `${event.id} ${event.hash}`;
      }),
  );
}

/** Waits until the condition holds; the test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 25));
}
