/** What an error of Kafka means: the one place of this sink that looks at error types. */
import { messageOf, NOTHING_LOST, SluiceError, stopError } from '../../api/errors.ts';
import { plainly, type TlsSettings, tlsTrouble } from '../../net/tls.ts';
import { unreachable } from '../unreachable.ts';

/** What messages name. */
export interface Where {
  /** The brokers. */
  who: string;
  transactionalId: string;
  markerTopic: string;
  /** How the names of the consumer groups begin. */
  groups: string;
  /** Topics that are written to. */
  topics: readonly string[];
  /** Takes credentials out of a text. */
  scrub: (text: string) => string;
}

export type ErrorVerdict =
  /** May pass by itself. */
  | { kind: 'trouble'; why: string; advice: string }
  /** Another process has opened a producer of our name since. */
  | { kind: 'fenced' }
  /** A send is larger than its topic takes. */
  | { kind: 'too-large' }
  | { kind: 'unknown-topic' }
  /** Only a person can mend it. */
  | { kind: 'stop'; error: SluiceError };

/** A step took too long, or resolved without doing its work: its outcome is unknown. */
export class StepError extends Error {}

/** A send that is larger than its topic takes. */
export class RefusedError extends Error {
  readonly topic: string;
  readonly bytes: number;
  readonly ids: readonly string[];

  constructor(message: string, sent: { topic: string; bytes: number; ids: readonly string[] }, cause: unknown) {
    super(message, { cause });
    this.topic = sent.topic;
    this.bytes = sent.bytes;
    this.ids = sent.ids;
  }
}

export function isTooLarge(error: unknown): boolean {
  return KINDS[typeOf(error) ?? ''] === 'too-large';
}

const TLS: TlsSettings = {
  ca: '`ca_file` of the sink',
  address: '`brokers` of the sink',
  on: 'set `tls: true` for the sink',
  off: 'set `tls: false` for the sink',
};
const WRONG_PORT = ', and that `tls` and `sasl` of the sink are those of this port';

/** The protocol's name of an error: kafkajs wraps errors in errors. `90` for one without a name in kafkajs. */
export function typeOf(error: unknown): string | undefined {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++) {
    const { type, name, errors } = each as Error & { type?: unknown; errors?: unknown[] };
    if (errors?.[0] !== undefined) return typeOf(errors[0]);
    const unnamed = /Unknown error code (\d+)/.exec(each.message);
    if (unnamed) return unnamed[1];
    if (typeof type === 'string') return type;
    if (name === 'KafkaJSSASLAuthenticationError') return 'SASL_AUTHENTICATION_FAILED';
    if (name === 'KafkaJSServerDoesNotSupportApiKey') return 'UNSUPPORTED_VERSION';
  }
  return undefined;
}

/** The name or the password was refused. */
export function areCredentialsRefused(error: unknown): boolean {
  return typeOf(error) === 'SASL_AUTHENTICATION_FAILED';
}

export function judge(error: unknown, where: Where): ErrorVerdict {
  if (error instanceof SluiceError) return { kind: 'stop', error };
  const type = typeOf(error);
  const known = type === undefined ? undefined : KINDS[type];
  if (known !== undefined) return { kind: known };
  const said = plainly(where.scrub(messageOf(error)));
  const explain = type === undefined ? undefined : STOPS[type];
  if (explain !== undefined) {
    const [what, advice] = explain(where);
    return { kind: 'stop', error: stopError(`${where.who} ${what} (${said})`, advice) };
  }
  // Clocks are set right while we run.
  if (type === 'INVALID_TIMESTAMP') {
    const advice = `The clock of this machine, or of the brokers, is wrong: set it right (NTP). ${NOTHING_LOST}`;
    return { kind: 'trouble', why: `refuses the time of the records: ${said}`, advice };
  }
  const advice = adviceOn(said, where);
  if (type !== undefined)
    return { kind: 'trouble', why: `cannot take documents: ${said}`, advice: `${advice} ${NOTHING_LOST}` };
  const found = unreachable({ who: where.who, said, tls: tlsTrouble(said, TLS), advice });
  return 'refusal' in found ? { kind: 'stop', error: found.refusal } : { kind: 'trouble', ...found };
}

function adviceOn(said: string, where: Where): string {
  // kafkajs does not tell why it found no coordinator; the reason may be a missing right.
  const hidden = /Failed to find group coordinator/.test(said) ? ` If the cluster is well: ${rights(where)}` : '';
  const port = /closed connection|disconnected before secure|ECONNRESET|none of Kafka/i.test(said) ? WRONG_PORT : '';
  return `Check the addresses and that the brokers run${port}.${hidden}`;
}

const KINDS: Record<string, 'fenced' | 'too-large' | 'unknown-topic' | undefined> = {
  INVALID_PRODUCER_EPOCH: 'fenced',
  '90': 'fenced', // PRODUCER_FENCED
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown-topic',
};

function rights({ transactionalId, topics, markerTopic, groups }: Where): string {
  return `the account needs Describe and Write on the topics ${topics.join(', ') || 'of the sink'}, Describe and Read on the topic ${markerTopic}, Describe and Write on the transactional id ${transactionalId}, and Describe and Read on consumer groups that begin with ${groups}.`;
}

const unauthorised =
  (what: string) =>
  (where: Where): [string, string] => [`does not allow ${what}`, `Add what is missing: ${rights(where)}`];

const credentials = (): [string, string] => [
  'does not accept the credentials',
  'Check `sasl` of the sink: the mechanism, the user and the password, and that the port is the one for SASL, with or without `tls`.',
];

const STOPS: Record<string, ((where: Where) => [string, string]) | undefined> = {
  TOPIC_AUTHORIZATION_FAILED: unauthorised('the use of a topic'),
  GROUP_AUTHORIZATION_FAILED: unauthorised('the use of a consumer group'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: unauthorised('the transactional id'),
  CLUSTER_AUTHORIZATION_FAILED: unauthorised('idempotent writes'),
  SASL_AUTHENTICATION_FAILED: credentials,
  UNSUPPORTED_SASL_MECHANISM: credentials,
  ILLEGAL_SASL_STATE: credentials,
  UNSUPPORTED_VERSION: () => ['is too old', 'Transactions with headers need Kafka 2.5 or newer.'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: () => ['is too old', 'The topic has the message format of Kafka 0.10: upgrade it.'],
  INVALID_TOPIC_EXCEPTION: ({ topics }) => [
    `takes no topic of this name: ${topics.join(', ')}`,
    'A name has 249 letters, digits, dots, underscores and hyphens at most: change `topic` of the sink.',
  ],
  INVALID_TRANSACTION_TIMEOUT: () => [
    'does not allow transactions to take this long',
    'Lower `timeout` of the sink to a quarter of transaction.max.timeout.ms of the brokers.',
  ],
  UNSUPPORTED_COMPRESSION_TYPE: () => [
    'does not take this compression',
    'Choose another `compression` for the sink; zstd needs Kafka 2.1.',
  ],
  INVALID_RECORD: ({ topics }) => [
    `refuses records by its own rules for ${topics.join(', ')}`,
    'Look into the configuration of the topic, and into the log of the broker.',
  ],
};

export function fenced({ who, transactionalId }: Where): SluiceError {
  return stopError(
    `${who}: another process has taken over ${transactionalId}`,
    'Two Sluices run this pipeline: stop one of them. Two that are meant to run side by side need different `transactional_id_prefix`es.',
  );
}

export function unknownTopic({ who, topics, markerTopic }: Where): SluiceError {
  return stopError(
    `${who} lacks a topic: ${[...topics, markerTopic].join(' or ')}`,
    'Run `sluice setup kafka` once, or create the topics by hand.',
  );
}
