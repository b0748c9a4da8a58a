import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * `unit` needs Node, npm and openssl; `services` starts the real Elasticsearch and Kafka (JDK 21+ and Maven), and has
 * terminals and a public client of the vendor's API (Python 3.10+).
 */
const services = {
  setupFiles: ['test/seed.ts'],
  pool: 'forks' as const,
  testTimeout: 900_000,
  hookTimeout: 600_000,
};
/** What these tell of times is theirs alone: nothing runs beside them. */
const ALONE = ['wire-fuzz', 'odd-tenant'].map((name) => `test/services/${name}.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**'],
          setupFiles: ['test/seed.ts'],
          pool: 'forks',
          maxWorkers: Math.ceil(1.5 * availableParallelism()), // the tests wait much of their time
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          ...services,
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...services,
          name: 'services-alone',
          include: ALONE,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
