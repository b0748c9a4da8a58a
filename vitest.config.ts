import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * `unit` needs Node, npm and openssl; `services` starts the real Elasticsearch and Kafka (JDK 21+ and Maven), and has
 * terminals and a public client of the vendor's API (Python 3.10+).
 */
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
          maxWorkers: 2 * availableParallelism(), // the tests wait much of their time
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'services',
          include: ['test/services/**/*.test.ts'],
          setupFiles: ['test/seed.ts'],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 900_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
