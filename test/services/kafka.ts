/** Starts the real Kafka for a test, alone or as three brokers, and leaves nothing behind when it is stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';

export type KafkaVersion = '4.2.0' | '4.4.0';

export interface KafkaOptions {
  version: KafkaVersion;
  /** `setting=value` for the broker. */
  settings?: string[];
  /** Kept by `stop` and `kill` when given: a second start finds the records of the first. */
  dataDir?: string;
  /** Any free one when it is not said. */
  port?: number;
  /** Where clients are told to come to: the port of a proxy in front. */
  advertise?: number;
  /** By which name; 127.0.0.1 when it is not said. */
  advertisedHost?: string;
  /** TLS and SASL on three more ports. */
  secure?: boolean;
  heap?: string;
}

/** Users: PLAIN `alice` / `alice-secret`; SCRAM-SHA-256 and -512 `bob` / `bob-secret`. */
export interface SecurePorts {
  tls: string;
  saslTls: string;
  saslPlaintext: string;
  /** The authority that signed the broker's certificate. */
  caFile: string;
}

export interface RunningKafka {
  brokers: string[];
  /** The brokers' way to each other, past any proxy: for a test's own readers. */
  direct: string[];
  secure?: SecurePorts;
  /** Holds a folder for each partition, `topic-0`, with its log. */
  logDir: string;
  /** What the broker printed: read it when a test fails. */
  logFile: string;
  /** SIGKILL, as a power cut would. The storage stays, for `restart`. */
  kill(): Promise<void>;
  /** At the same addresses; resolves once every partition has its leader again. */
  restart(): Promise<void>;
  /** SIGTERM, and the folders that this start made are removed. */
  stop(): Promise<void>;
}

export interface RunningCluster {
  brokers: string[];
  direct: string[];
  logDirs: string[];
  logFiles: string[];
  /** Brokers are counted from 0. */
  kill(broker: number): Promise<void>;
  /** Resolves once every partition has all of its replicas in sync. */
  restart(broker: number): Promise<void>;
  /** The broker that leads the transactions of a writer. */
  coordinatorOf(transactionalId: string): Promise<number>;
  stop(): Promise<void>;
}

const script = join(import.meta.dirname, 'kafka', 'start.sh');
/** The first start ever downloads the jars. */
const startDeadlineMs = 400_000;
const settleDeadlineMs = 60_000;

export async function startKafka(options: KafkaOptions): Promise<RunningKafka> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-'));
  const dataDir = options.dataDir ?? join(folder, 'data');
  const ports = await broker(options.port);
  const secure = options.secure ? [await freePort(), await freePort(), await freePort()] : undefined;
  const env = {
    KAFKA_VERSION: options.version,
    KAFKA_INTERNAL_PORT: String(ports.internal),
    KAFKA_CONTROLLER_PORT: String(ports.controller),
    ...(options.heap !== undefined && { KAFKA_HEAP: options.heap }),
    ...(options.advertise !== undefined && { KAFKA_ADVERTISED_PORT: String(options.advertise) }),
    ...(options.advertisedHost !== undefined && { KAFKA_ADVERTISED_HOST: options.advertisedHost }),
    ...(secure && { KAFKA_SECURE_PORTS: secure.join(' ') }),
  };
  const logFile = join(folder, 'broker.log');
  const node = program([String(ports.client), dataDir, ...(options.settings ?? [])], env, logFile);
  const direct = [address(ports.internal)];
  const start = async () => {
    await node.start();
    await settled(direct, 1);
  };
  const stop = async () => {
    await node.end('SIGTERM');
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  await orExplain(start, stop, [logFile], options.version);
  return {
    brokers: [address(options.advertise ?? ports.client)],
    direct,
    ...(secure && { secure: secureAddresses(secure, dataDir) }),
    logDir: join(dataDir, 'log'),
    logFile,
    kill: () => node.end('SIGKILL'),
    restart: start,
    stop,
  };
}

function secureAddresses(ports: number[], dataDir: string): SecurePorts {
  const [tls, saslTls, saslPlaintext] = ports.map(address) as [string, string, string];
  return { tls, saslTls, saslPlaintext, caFile: join(dataDir, 'tls', 'ca.pem') };
}

const CLUSTER = 3;
/** Everything on all three, and written to two before it counts: the loss of one broker loses nothing. */
const replicated = [
  'default.replication.factor=3',
  'min.insync.replicas=2',
  'offsets.topic.replication.factor=3',
  'transaction.state.log.replication.factor=3',
  'transaction.state.log.min.isr=2',
];

export async function startKafkaCluster({ version }: { version: KafkaVersion }): Promise<RunningCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kafka-'));
  const ports: BrokerPorts[] = [];
  while (ports.length < CLUSTER) ports.push(await broker());
  const voters = ports.map(({ controller }, index) => `${index}@${address(controller)}`).join(',');
  const logFiles = ports.map((_, index) => join(folder, `broker-${index}.log`));
  const nodes = ports.map(({ client, internal, controller }, index) => {
    const env = {
      KAFKA_VERSION: version,
      KAFKA_NODE: String(index),
      KAFKA_INTERNAL_PORT: String(internal),
      KAFKA_CONTROLLER_PORT: String(controller),
      KAFKA_VOTERS: voters,
    };
    const args = [String(client), join(folder, `data-${index}`), ...replicated];
    return program(args, env, logFiles[index] as string);
  });
  const direct = ports.map(({ internal }) => address(internal));
  const start = async () => {
    await Promise.all(nodes.map((node) => node.start()));
    await settled(direct, CLUSTER);
  };
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.end('SIGTERM')));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  await orExplain(start, stop, logFiles, version);
  return {
    brokers: ports.map(({ client }) => address(client)),
    direct,
    logDirs: ports.map((_, index) => join(folder, `data-${index}`, 'log')),
    logFiles,
    async kill(index) {
      await nodes[index]?.end('SIGKILL');
    },
    async restart(index) {
      await nodes[index]?.start();
      await settled(direct, CLUSTER);
    },
    coordinatorOf: (transactionalId) => coordinatorOf(direct, transactionalId),
    stop,
  };
}

async function orExplain(
  start: () => Promise<void>,
  stop: () => Promise<void>,
  logs: string[],
  version: string,
): Promise<void> {
  try {
    await start();
  } catch (error) {
    const printed = await Promise.all(logs.map((log) => readFile(log, 'utf8').catch(() => '')));
    await stop();
    throw new Error(`Kafka ${version} did not start:\n${printed.join('\n').slice(-3000)}`, { cause: error });
  }
}

interface BrokerPorts {
  client: number;
  internal: number;
  controller: number;
}

async function broker(client?: number): Promise<BrokerPorts> {
  return { client: client ?? (await freePort()), internal: await freePort(), controller: await freePort() };
}

function address(port: number): string {
  return `127.0.0.1:${port}`;
}

/**
 * Below the ports that the system gives to outgoing connections: while a broker is down, its port must not be taken by
 * a client, not even by the one that tries to reach it (which would then speak to itself).
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;
const given = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

interface Program {
  start(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

function program(args: string[], env: Record<string, string>, logFile: string): Program {
  let child: ChildProcess | undefined;
  const orphanGuard = () => child?.kill('SIGKILL');
  return {
    async start() {
      process.once('exit', orphanGuard);
      child = spawn(script, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
      await ready(child, logFile);
    },
    async end(signal) {
      if (child !== undefined) await endProcess(child, signal);
      process.removeListener('exit', orphanGuard);
    },
  };
}

function ready(child: ChildProcess, logFile: string): Promise<void> {
  const log = createWriteStream(logFile, { flags: 'a' });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no ready line in time')), startDeadlineMs);
    child.stderr?.on('data', (text: Buffer) => log.write(text));
    child.stdout?.on('data', (text: Buffer) => {
      log.write(text);
      if (!/^kafka \S+ ready /m.test(text.toString())) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      log.end(() => reject(new Error(`start.sh ended with ${code ?? signal}`)));
    });
  });
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(timer);
}

/** A client for a test's own questions: quiet, and without patience where whoever asks asks again. */
export function testClient(brokers: string[], retry: kafkajs.RetryOptions = { retries: 0 }): kafkajs.Kafka {
  return new kafkajs.Kafka({
    clientId: 'sluice-test',
    brokers,
    logCreator: () => () => {},
    connectionTimeout: 2000,
    requestTimeout: 10_000,
    retry,
  });
}

export async function withAdmin<T>(brokers: string[], work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = testClient(brokers).admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** The port opens before the broker knows its cluster: all brokers are there, and every partition is led and in sync. */
async function settled(brokers: string[], count: number): Promise<void> {
  let last: unknown;
  for (const deadline = Date.now() + settleDeadlineMs; Date.now() < deadline; await sleep(100)) {
    const behind = await unsettled(brokers, count).catch((error: Error) => error.message);
    if (behind === undefined) return;
    last = behind;
  }
  throw new Error(`the brokers did not settle: ${last}`);
}

function unsettled(brokers: string[], count: number): Promise<string | undefined> {
  return withAdmin(brokers, async (admin) => {
    const { brokers: found } = await admin.describeCluster();
    if (found.length < count) return `${found.length} of ${count} brokers`;
    const { topics } = await admin.fetchTopicMetadata();
    const behind = topics.flatMap(({ name, partitions }) =>
      partitions
        .filter(({ leader, isr, replicas }) => leader < 0 || isr.length < replicas.length)
        .map(({ partitionId }) => `${name}-${partitionId}`),
    );
    return behind.length === 0 ? undefined : `behind: ${behind.join(' ')}`;
  });
}

/** As the broker finds it: the leader of the partition of its own topic that the id's hash names. */
function coordinatorOf(brokers: string[], transactionalId: string): Promise<number> {
  return withAdmin(brokers, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['__transaction_state'] });
    const partitions = topics[0]?.partitions ?? [];
    const wanted = (javaHash(transactionalId) & 0x7fffffff) % partitions.length;
    const leader = partitions.find(({ partitionId }) => partitionId === wanted)?.leader;
    if (leader === undefined || leader < 0) throw new Error(`nobody leads the transactions of ${transactionalId}`);
    return leader;
  });
}

function javaHash(text: string): number {
  let result = 0;
  for (let index = 0; index < text.length; index++) result = (Math.imul(31, result) + text.charCodeAt(index)) | 0;
  return result;
}
