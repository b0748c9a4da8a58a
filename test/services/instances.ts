/** Several instances of Sluice that share their sources by Kafka, each source with a vendor of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import type { Status } from '../../src/observe/status/model.ts';
import { SECRET, TENANT, until } from '../e2e/place.ts';
import { freePort } from './kafka.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

export interface Instance {
  name: string;
  child: ChildProcess;
  said(): string;
  /** What it has by its own status; nothing while it does not answer. */
  owned(): Promise<string[]>;
  signal(signal: NodeJS.Signals): void;
  /** Its exit code. */
  ended: Promise<number | null>;
}

export interface Fleet {
  folder: string;
  /** By source. */
  tenants: ReadonlyMap<string, Simulator>;
  start(name: string): Promise<Instance>;
  /** Any other command, with the config of an instance. */
  command(...argv: string[]): Promise<{ code: number | null; output: string }>;
  close(): Promise<void>;
}

export interface FleetOptions {
  brokers: string[];
  sources: number;
  requestsPerSecond: number;
  tenant: Omit<SimulatorOptions, 'seed' | keyof typeof TENANT>;
  seed: number;
  coordination?: object;
}

function nameOf(index: number): string {
  return `tenant${String(index).padStart(2, '0')}`;
}

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fleet-'));
  const tenants = new Map<string, Simulator>();
  for (let index = 0; index < options.sources; index++)
    tenants.set(nameOf(index), await startSimulator({ ...TENANT, seed: options.seed + index, ...options.tenant }));
  const children = new Set<ChildProcess>();
  const configure = async (name: string): Promise<{ config: string; url: string }> => {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const port = await freePort();
    const config = join(own, 'sluice.yaml');
    writeFileSync(config, JSON.stringify({ ...configOf(options, tenants), health: { port } }, undefined, 2));
    return { config, url: `http://127.0.0.1:${port}/api/status` };
  };
  const launch = (argv: string[]): ChildProcess => {
    const env = { PATH: process.env.PATH, HOME: folder, SLUICE_SECRET: SECRET };
    const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    child.once('close', () => children.delete(child));
    return child;
  };
  return {
    folder,
    tenants,
    async start(name) {
      const { config, url } = await configure(name);
      const child = launch(['run', '--config', config]);
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (said += text));
      return {
        ...{ name, child, said: () => said, signal: (signal) => void child.kill(signal) },
        owned: () => ownedOf(url),
        ended: once(child, 'close').then(([code]) => code as number | null),
      };
    },
    async command(...argv) {
      const { config } = await configure('commands');
      const child = launch([...argv, '--config', config]);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (output += text));
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, output };
    },
    async close() {
      for (const child of children) child.kill('SIGKILL');
      await Promise.all([...tenants.values()].map((tenant) => tenant.close()));
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

function configOf({ brokers, requestsPerSecond, coordination }: FleetOptions, tenants: Fleet['tenants']): object {
  const sources = [...tenants].map(([name, { url }]) => ({
    ...{ name, connector: 'cylance', streams: ['cylance.detection'], base_url: url },
    ...{ tenant_id: TENANT.tenantId, application_id: TENANT.applicationId, application_secret: `\${SLUICE_SECRET}` },
    rate: { requests_per_second: requestsPerSecond, concurrency: 4 },
    http: { proxy: 'none' },
    reading: { lookback: '400d', poll: '2s', sweeps: [{ range: '400d', every: '1m' }] },
  }));
  return {
    log: { format: 'json' },
    coordination: { type: 'kafka', brokers, ...coordination },
    sources,
    sinks: [{ name: 'kafka', type: 'kafka', brokers, topic: 'sluice.{stream}.{source}' }],
  };
}

const ANSWER_MS = 2000;

async function ownedOf(url: string): Promise<string[]> {
  try {
    const reply = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { sources } = (await reply.json()) as Status;
    return sources.filter(({ owned }) => owned).map(({ source }) => source);
  } catch {
    return [];
  }
}

/** Every source is with one of the instances; the numbers of each, in their order. */
export async function shared(instances: readonly Instance[], sources: number): Promise<number[] | undefined> {
  const each = await Promise.all(instances.map((instance) => instance.owned()));
  const all = each.flat();
  return all.length === sources && new Set(all).size === sources ? each.map(({ length }) => length) : undefined;
}

/** Waits until all sources are spread so, whoever has how many. */
export async function untilSpread(
  instances: readonly Instance[],
  counts: readonly number[],
  limitMs: number,
): Promise<void> {
  const sources = counts.reduce((sum, count) => sum + count, 0);
  let last: number[] | undefined;
  await until(`sources are spread as ${counts}`, limitMs, async () => {
    last = await shared(instances, sources);
    return last !== undefined && last.toSorted((a, b) => a - b).join() === counts.join();
  });
}
