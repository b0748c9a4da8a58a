/** Two walks that meet one record: never both ship it. */
import { expect, test } from 'vitest';
import { createClaims } from '../../src/engine/claims.ts';

test('whoever waits for a key decides alone, one after the other', async () => {
  const claims = createClaims();
  const first = claims.take({ key: 'k', walk: 'live', fingerprint: 'a' });
  const order: string[] = [];
  const waiting = ['sweep', 'backfill', 'refresh'].map((walk) =>
    claims.whenFree('k', () => {
      expect(claims.of('k')).toBeUndefined();
      order.push(walk);
      return claims.take({ key: 'k', walk, fingerprint: 'b' });
    }),
  );
  claims.release(first);
  for (const taken of waiting) claims.release(await taken);
  expect(order).toEqual(['sweep', 'backfill', 'refresh']);
  expect(claims.size).toBe(0);
});

test('a walk that is stopped while it waits takes nothing', async () => {
  const claims = createClaims();
  const first = claims.take({ key: 'k', walk: 'live', fingerprint: 'a' });
  const stop = new AbortController();
  const waiting = claims.whenFree('k', () => claims.take({ key: 'k', walk: 'sweep', fingerprint: null }), stop.signal);
  stop.abort();
  claims.release(first);
  await expect(waiting).rejects.toThrow();
  expect(claims.size).toBe(0);
  expect(await claims.whenFree('k', () => 'at once')).toBe('at once');
});
