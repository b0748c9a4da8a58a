/** Sluice with a Kafka sink: the config, the topics, and what is delivered when only lists are read. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { streams } from '../../connectors/index.ts';
import type { Simulator } from '../../simulator/index.ts';
import { documentId, revisionOf } from '../../src/api/records/identity.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import { type ConfigParts, configOf, type Place } from '../e2e/place.ts';
import { TOPIC } from './kafka-read.ts';

/** Three partitions, so that a transaction has several. */
export const PARTITIONS = 3;

/** The transactional id of the pipeline that all of these proofs run. */
export const WRITER = 'sluice-acme-cylance.detection-kafka';

export function configureKafka(
  place: Place,
  brokers: string[],
  { sink, ...parts }: Omit<ConfigParts, 'url' | 'sinks'> & { sink?: object } = {},
): void {
  const sinks = [{ name: 'kafka', type: 'kafka', brokers, ...sink }];
  place.configure(configOf({ url: place.simulator.url, sinks, ...parts }));
}

/** A cluster that has just started may refuse a topic at first; a second run makes what is missing. */
export async function setUpKafka(place: Place, replication = 1): Promise<void> {
  const numbers = ['--partitions', String(PARTITIONS), '--replication', String(replication)];
  for (let attempt = 1; ; attempt++) {
    const { code, stderr } = await place.sluice('setup', 'kafka', ...numbers);
    if (code === 0) return;
    if (attempt === 3) throw new Error(`setup: ${stderr}`);
    console.log(`setup, attempt ${attempt}: ${stderr}`);
    await sleep(1000);
  }
}

/** Every document that is delivered of a tenant whose details are not read. */
export function documentsOfLists(simulator: Simulator): Map<string, string> {
  const stream = streams.find(({ stream: { name } }) => name === 'cylance.detection')?.stream;
  if (stream === undefined) throw new Error('cylance.detection is not registered');
  const ignored = new Set(stream.ignored);
  const expected = new Map<string, string>();
  for (const { id, ordinal, record } of simulator.truth()) {
    const revision = revisionOf(withoutSecrets(record, stream.secrets), ignored);
    expected.set(documentId(stream.name, id, ordinal, revision), `${id} #${ordinal}`);
  }
  return expected;
}

/** The bytes that the broker has taken for the topic, committed or not: they grow while a batch is on its way. */
export function bytesTaken(logDir: string): number {
  let bytes = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const folder = join(logDir, `${TOPIC}-${partition}`);
    try {
      for (const name of readdirSync(folder)) if (name.endsWith('.log')) bytes += statSync(join(folder, name)).size;
    } catch {
      // Not there yet, or just being renamed.
    }
  }
  return bytes;
}
