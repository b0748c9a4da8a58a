/** Several instances in the config. */
import { z } from 'zod';
import { duration, whole } from '../api/values.ts';
import { kafka } from '../sinks/kafka/config.ts';
import { type WholeSettings, withDefaults } from '../sinks/kafka/settings.ts';
import type { ConfigValues } from '../sinks/sink-type.ts';

const { brokers, sasl, tls, ca_file, insecure, timeout } = kafka.schema.shape;

/** Names that Kafka takes for a topic and for a group. */
const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const name = (what: string) =>
  z.string().refine((value) => NAME.test(value), `is not ${what}; use letters, digits, dots, underscores and hyphens`);

export const coordination = z.strictObject({
  type: z
    .literal('kafka')
    .describe('Kafka 4.0 or newer: instances are a group of it, and the state is a topic of it (docs/scaling.md).'),
  brokers,
  group: name('the name of a group')
    .prefault('sluice')
    .describe(
      'The group of the instances that share the sources, and what its transactional ids begin with. Default: `sluice`.',
    ),
  topic: name('the name of a topic')
    .prefault('sluice.state')
    .describe('The compacted topic of the state. Default: `sluice.state`; `sluice setup kafka` makes it.'),
  partitions: whole(1, 10_000)
    .prefault(100)
    .describe(
      'The partitions of that topic: some times as many as there will ever be sources, since who takes a source over reads its whole partition. Default: 100. A source stays in one of them, so a topic that has another number is refused: what was delivered would be looked for in the wrong place.',
    ),
  session_timeout: duration({ min: '1s', max: '5m' })
    .prefault('6s')
    .describe(
      'An instance that was not heard of for so long is taken for dead, and stops by its own clock. Default: 6s, the least that brokers allow by default (group.min.session.timeout.ms).',
    ),
  sasl,
  tls,
  ca_file,
  insecure,
  timeout,
});

export interface Coordination {
  kafka: WholeSettings;
  group: string;
  topic: string;
  partitions: number;
  sessionMs: number;
}

export function toCoordination(
  raw: z.output<typeof coordination>,
  values: Pick<ConfigValues, 'path' | 'secret'>,
): Coordination {
  return {
    kafka: withDefaults({
      brokers: raw.brokers,
      sasl: raw.sasl && { ...raw.sasl, password: values.secret(raw.sasl.password) },
      tls: raw.tls,
      caFile: raw.ca_file === undefined ? undefined : values.path(raw.ca_file),
      insecure: raw.insecure,
      timeoutMs: raw.timeout,
      retryDeadlineMs: 0,
    }),
    group: raw.group,
    topic: raw.topic,
    partitions: raw.partitions,
    sessionMs: raw.session_timeout,
  };
}
