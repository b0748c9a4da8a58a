/** Sluice as a user has it: what `npm run build` makes, as a process of its own from start to end. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Measured, PAGE_SIZE, TENANT } from './task.ts';

const ROOT = join(import.meta.dirname, '..');

/** Builds it into a folder; returns its entry. */
export async function buildSluice(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const project = join(ROOT, 'tsconfig.build.json');
  await promisify(execFile)(join(ROOT, 'node_modules', '.bin', 'tsc'), [
    '-p',
    project,
    '--outDir',
    join(folder, 'dist'),
  ]);
  return join(folder, 'dist', 'src', 'main.js');
}

/** A folder of a command: its config, its state, its output. */
export interface Workplace {
  folder: string;
  entry: string;
}

export interface WholeConfig {
  url: string;
  /** Of the source, and so the namespace of its data streams. */
  name?: string;
  /** Instead of files. */
  elasticsearch?: string;
  details?: boolean;
  concurrency?: number;
  requestsPerSecond?: number;
}

export function prepare(entry: string, folder: string, config: WholeConfig): Workplace {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { name = 'bench', elasticsearch, details = false, concurrency = 8, requestsPerSecond = 100_000 } = config;
  const sink = elasticsearch
    ? { name: 'out', type: 'elasticsearch', nodes: [elasticsearch], compression: 'none' }
    : { name: 'out', type: 'ndjson', path: join(folder, 'out') };
  const source = {
    ...{ name, connector: 'cylance', streams: ['cylance.detection'], base_url: config.url },
    ...{
      tenant_id: TENANT.tenantId,
      application_id: TENANT.applicationId,
      application_secret: TENANT.applicationSecret,
    },
    rate: { requests_per_second: requestsPerSecond, concurrency },
    reading: { page_size: PAGE_SIZE, details },
  };
  // JSON is YAML, too.
  writeFileSync(
    join(folder, 'sluice.yaml'),
    JSON.stringify({ state: { path: join(folder, 'state') }, sources: [source], sinks: [sink] }),
    { mode: 0o600 },
  );
  return { folder, entry };
}

/** What a command used, from its start to its end; it has to end well. */
export type Usage = Pick<Measured, 'seconds' | 'cpuSeconds' | 'peakMiB'> & { stdout: string };

export async function runCommand(place: Workplace, args: string[]): Promise<Usage> {
  const beganMs = performance.now();
  const { child, usage } = startCommand(place, args);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (part) => {
    stdout += part;
  });
  child.stderr?.on('data', (part) => {
    stderr = (stderr + part).slice(-4000);
  });
  const [code] = await once(child, 'close');
  const seconds = (performance.now() - beganMs) / 1000;
  if (code !== 0) throw new Error(`sluice ${args.join(' ')} ended with ${code}: ${stderr}`);
  return { seconds, stdout, ...(JSON.parse(readFileSync(usage, 'utf8')) as Pick<Measured, 'cpuSeconds' | 'peakMiB'>) };
}

export function startCommand({ folder, entry }: Workplace, args: string[]): { child: ChildProcess; usage: string } {
  const usage = join(folder, 'usage.json');
  const env = { ...process.env, BENCH_USAGE: usage, MALLOC_ARENA_MAX: '2' };
  const hook = join(import.meta.dirname, 'child', 'usage.ts');
  // As bin/sluice.js starts it.
  const young = ['--min-semi-space-size=8', '--max-semi-space-size=8'];
  const argv = [...young, '--import', hook, entry, ...args, '--config', join(folder, 'sluice.yaml')];
  return { child: spawn(process.execPath, argv, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }), usage };
}

export function backfillOf({ fromMs, toMs }: { fromMs: number; toMs: number }): string[] {
  return ['backfill', '--from', new Date(fromMs).toISOString(), '--to', new Date(toMs).toISOString()];
}
