/** Whatever step a process dies at, and however often: what the vendor has is delivered once, or refused and kept. */
import { describe, expect, test } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import { READ, type Tenant, type TenantOptions, tenantOf } from './mortal.ts';

const NEVER = Number.POSITIVE_INFINITY;
const WAYS = Object.keys(READ) as (keyof typeof READ)[];

/** Dies at step 1 in the first try, at step 2 in the second, until a process comes to its end before its step. */
async function dyingEverywhere(
  how: keyof typeof READ,
  options: TenantOptions,
  check: (tenant: Tenant, step: string) => void,
  lives = 1,
): Promise<number> {
  for (let dies = 1; ; dies++) {
    const tenant = tenantOf(how, options);
    try {
      let died = false;
      for (let life = 0; life < lives; life++) died = (await tenant.live(dies)) || died;
      await tenant.live(NEVER);
      check(tenant, `dead at step ${dies}`);
      if (!died) return dies;
    } finally {
      tenant.remove();
    }
  }
}

const nothingLostOrDoubled = (tenant: Tenant, step: string) => expect(tenant.faults(), step).toEqual([]);

describe.each(WAYS)('%s', (how) => {
  test('is delivered once by a process that dies once', async () => {
    expect(await dyingEverywhere(how, {}, nothingLostOrDoubled)).toBeGreaterThan(5);
  });

  test('is delivered once by processes that die three times', async () => {
    await dyingEverywhere(how, {}, nothingLostOrDoubled, 3);
  });
});

describe.each(WAYS)('%s', (how) => {
  test('two walks at once deliver it once', async () => {
    await dyingEverywhere(how, { backfills: true }, nothingLostOrDoubled);
  });

  test('what the sink refuses is kept, and the rest delivered', async () => {
    await dyingEverywhere(how, { refuses: (key) => key.endsWith('3') }, nothingLostOrDoubled);
  });

  test('what no mapping understands is delivered as that', async () => {
    const mapping = (record: unknown): EcsDocument => {
      const { Id } = record as { Id: string };
      if (Id.endsWith('7')) throw new Error('what is this?');
      return { '@timestamp': '2026-01-02T03:04:05.678Z', event: { kind: 'alert' } };
    };
    await dyingEverywhere(how, { mapping }, nothingLostOrDoubled);
  });
});
