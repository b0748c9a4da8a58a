/** The Kafka sink against its client alone. */
import { startKafka } from '../../test/services/kafka.ts';
import { type Chapter, inTurns } from '../bench.ts';
import { createTopics } from '../child/kafka.ts';
import { compared, type Figure, rateOf, type Section } from '../report/results.ts';

/** Documents of a batch, and how many batches. */
const SIZES = [
  [5000, 20, 'gzip'],
  [5000, 20, 'none'],
  [1000, 60, 'gzip'],
] as const;

export const kafka: Chapter = {
  name: 'kafka',
  needs: 'JDK 21+ and Maven',
  async measure(bench) {
    const broker = await startKafka({ version: '4.2.0', heap: '512m' });
    const sections: Section[] = [];
    try {
      for (const [documents, most, compression] of SIZES) {
        const id = `kafka-${documents}-${compression}`;
        const topic = `bench.${documents}.${compression}`;
        await createTopics(broker.brokers, [topic]);
        const task = {
          brokers: broker.brokers,
          topic,
          compression,
          batches: bench.count(most),
          documents,
          bytes: 1000,
        };
        const title = `Kafka 4.2.0, batches of ${documents.toLocaleString('en')}, compression ${compression}`;
        const turn = (mode: 'kafka' | 'kafkajs', name: string) => ({
          id: mode,
          name,
          run: (round: number) => bench.measure({ mode, kafka: task }, `${id}-${mode}-${round}`),
        });
        const turns = [turn('kafka', 'the sink'), turn('kafkajs', 'kafkajs, the same transactions')];
        for (const { run } of turns) await run(0); // warms the broker
        const measured = await inTurns(title, bench.rounds, turns);
        const share: Figure = {
          ...{ says: 'records a second: the sink to kafkajs', digits: 2, better: 'more', lasting: true, goal: 0.85 },
          values: compared(measured.variants, ['kafka', 'kafkajs'], rateOf),
        };
        sections.push({ id, title, about: ABOUT, ...measured, figures: [share] });
      }
      return sections;
    } finally {
      await broker.stop();
    }
  },
};

const ABOUT =
  'One broker on the same cores, 6 partitions, documents of about 1 KB. The comparison sends the same values in the same sends and transactions; it does nothing else, and divides the records before the clock starts.';
