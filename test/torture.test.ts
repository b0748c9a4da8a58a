/** The short form of `npm run test:torture`: faults everywhere at once, on both sinks in process; docs/torture.md has the long one. */
import { afterAll, describe, expect, test } from 'vitest';
import { makeCertificates } from './cli/certificates.ts';
import { scratch } from './engine/harness.ts';
import { seed } from './seed.ts';
import { LEAST_REVISIONS, planOf, SINKS } from './torture/plan.ts';
import { torture } from './torture/run.ts';

const folder = scratch();
afterAll(folder.remove);
const certificate = makeCertificates(folder.path).good;

describe.each(SINKS)('into %s', (sink) => {
  test(`seed ${seed}: everything arrives once`, { timeout: 460_000 }, async () => {
    const outcome = await torture(planOf(seed, sink), certificate);
    console.log(JSON.stringify(outcome));
    expect(outcome.wrong).toEqual([]);
    expect(outcome.revisions).toBeGreaterThanOrEqual(LEAST_REVISIONS);
  });
});
