/** Starts the real Elasticsearch for a test, and leaves nothing behind when it is stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type ElasticsearchVersion = '9.5.3' | '8.19.5';

export interface ElasticsearchOptions {
  version: ElasticsearchVersion;
  /** `setting=value` for the node. */
  settings?: string[];
  /** Kept by `stop` and `kill` when given: a second start finds the documents of the first. */
  dataDir?: string;
  /** Any free one when it is not said; say it to come back under the same address. */
  port?: number;
}

export interface RunningElasticsearch {
  url: string;
  version: ElasticsearchVersion;
  /** What the node printed: read it when a test fails. */
  logFile: string;
  /** SIGTERM, and the folders that this start made are removed. */
  stop(): Promise<void>;
  /** SIGKILL, as a power cut would; folders that were given stay. */
  kill(): Promise<void>;
}

const script = join(import.meta.dirname, 'elasticsearch', 'start.sh');
/** The first start ever downloads the jars. */
const startDeadlineMs = 400_000;

export async function startElasticsearch(options: ElasticsearchOptions): Promise<RunningElasticsearch> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-es-'));
  const dataDir = options.dataDir ?? join(folder, 'data');
  const logFile = join(folder, 'node.log');
  const args = [String(options.port ?? 0), dataDir, ...(options.settings ?? [])];
  const env = { ...process.env, ES_VERSION: options.version };
  const child = spawn(script, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const orphanGuard = () => child.kill('SIGKILL');
  process.once('exit', orphanGuard);
  const end = async (signal: NodeJS.Signals) => {
    await endProcess(child, signal);
    process.removeListener('exit', orphanGuard);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    const url = await ready(child, logFile);
    await yellow(url);
    return { url, version: options.version, logFile, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
  } catch (error) {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    await end('SIGKILL');
    throw new Error(`Elasticsearch ${options.version} did not start:\n${log.slice(-3000)}`, { cause: error });
  }
}

function ready(child: ChildProcess, logFile: string): Promise<string> {
  const log = createWriteStream(logFile);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no ready line in time')), startDeadlineMs);
    let printed = '';
    const settled = () => {
      clearTimeout(timer);
      printed = '';
    };
    child.stderr?.on('data', (text: Buffer) => log.write(text));
    child.stdout?.on('data', (text: Buffer) => {
      log.write(text);
      printed += text.toString();
      const url = /^elasticsearch \S+ ready (\S+)\n/m.exec(printed)?.[1];
      if (url === undefined) return;
      settled();
      resolve(url);
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      settled();
      log.end(() => reject(new Error(`start.sh ended with ${code}`)));
    });
  });
}

/** The port opens before the shards of an earlier run are recovered. */
async function yellow(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const health = await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=5s`).catch(() => undefined);
    await health?.body?.cancel();
    if (health?.status === 200) return;
    await sleep(100);
  }
  throw new Error('the cluster did not become yellow');
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(timer);
}
