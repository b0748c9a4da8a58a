/**
 * The connection to Kafka that the sink, `check` and `setup` share: authentication, TLS, logs, and an end that is one.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Admin, Kafka, KafkaConfig } from 'kafkajs';
import type { Logger } from 'pino';
import { authoritiesWith } from '../../net/tls.ts';
import { createRedactor, LOOKED_AT } from '../../redaction/redactor.ts';
import { kafkajs } from './client.ts';
import { StepError } from './errors.ts';
import type { KafkaSettings, WholeSettings } from './settings.ts';

export interface Connection {
  kafka: Kafka;
  /** Runs `work` with an admin client of its own. */
  withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Ends the connection at once: requests under way fail, and nothing is tried again. */
  drop(): void;
}

export function connectKafka(settings: WholeSettings, log: Logger, retry = RETRY): Connection {
  const { factory, drop } = openSockets();
  const kafka = new kafkajs.Kafka(clientConfig(settings, log, retry, factory));
  return {
    kafka,
    async withAdmin(work) {
      const admin = kafka.admin();
      try {
        await admin.connect();
        return await work(admin);
      } finally {
        await within(1000, 'leaving', admin.disconnect()).catch(() => {});
      }
    },
    drop,
  };
}

/** After every commit the next call meets CONCURRENT_TRANSACTIONS once and waits as long as the first of these pauses. */
const RETRY = { initialRetryTime: 10, retries: 9, maxRetryTime: 1000 };
/** For `check`: a wrong certificate or port is reported within a second. */
export const FEW_RETRIES = { ...RETRY, retries: 5 };
const CONNECT_MS = 5000;

function clientConfig(
  settings: WholeSettings,
  log: Logger,
  retry: typeof RETRY,
  socketFactory: KafkaConfig['socketFactory'],
): KafkaConfig {
  const { brokers, sasl, tls, timeoutMs } = settings;
  return {
    clientId: 'sluice',
    brokers: [...brokers],
    ssl: tls && { ca: authoritiesWith(settings.caFile, 'Kafka'), rejectUnauthorized: !settings.insecure },
    sasl: sasl && { mechanism: sasl.mechanism as 'plain', username: sasl.username, password: sasl.password() },
    connectionTimeout: Math.min(CONNECT_MS, timeoutMs),
    authenticationTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    retry,
    socketFactory,
    logLevel: log.isLevelEnabled('debug') ? kafkajs.logLevel.DEBUG : kafkajs.logLevel.NOTHING,
    logCreator: () => logTo(log),
  };
}

/** An error in the log of kafkajs is often the first of nine attempts: all of its log is of level debug here. */
function logTo(log: Logger) {
  return ({ namespace, log: { message } }: { namespace: string; log: { message: string } }) =>
    log.debug(`kafkajs ${namespace}: ${message}`);
}

/** Takes the password out of a message. */
export function scrubber({ sasl }: Pick<KafkaSettings, 'sasl'>): (text: string) => string {
  const { protect, scrub } = createRedactor();
  return (text) => {
    protect(attempt(() => sasl?.password()) ?? '');
    return scrub(text.slice(0, LOOKED_AT));
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined; // a secret that cannot be read is in no message
  }
}

const KEEP_ALIVE_MS = 60_000;

/**
 * Sockets that can be closed all at once. kafkajs has no way to give up: it connects again for half a minute after it
 * was told to disconnect.
 */
function openSockets(): { factory: NonNullable<KafkaConfig['socketFactory']>; drop(): void } {
  const sockets = new Set<Socket>();
  let dropped = false;
  return {
    factory({ host, port, ssl, onConnect }) {
      if (dropped) throw unwrappable();
      const name = isIP(host) ? {} : { servername: host };
      const socket = ssl
        ? connectTls({ host, port, ...name, ...ssl }, onConnect)
        : connectTcp({ host, port }, onConnect);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    drop() {
      dropped = true;
      // With an error, since kafkajs goes on waiting for answers of a socket that merely closes.
      for (const socket of sockets) socket.destroy(new Error('the connection was given up'));
    },
  };
}

/** kafkajs wraps what a socket factory throws into an error that it tries again, unless its message cannot be read. */
function unwrappable(): Error {
  const final = Object.assign(new TypeError('the connection was given up'), { retriable: false });
  return Object.defineProperty(new Error(), 'message', {
    get() {
      throw final;
    },
  });
}

/** The result of a step, or an error when it takes longer. */
export async function within<T>(ms: number, step: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StepError(`no answer within ${ms} ms (${step})`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
