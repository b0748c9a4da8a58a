/** A token is asked for again before it expires, and when the vendor refuses it; in between it is used by all. */

import { UnsecuredJWT } from 'jose';
import pino from 'pino';
import { expect, test } from 'vitest';
import { createTokenHolder } from '../../connectors/cylance/shared/token.ts';
import type { ConnectorServices } from '../../src/api/connector.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 2);
const { signal } = new AbortController();

/** A vendor whose tokens live for so long by its clock, which may differ from ours; `opaque` tokens do not say so. */
function vendor({ lifetimeMs = 30 * MINUTE, aheadMs = 0, opaque = false } = {}) {
  const clock = { ms: START };
  let given = 0;
  const tokenOf = (): string => {
    const issuedS = Math.floor((clock.ms + aheadMs) / 1000);
    if (opaque) return `token-${given}`;
    return new UnsecuredJWT({ jti: String(given) })
      .setIssuedAt(issuedS)
      .setExpirationTime(issuedS + lifetimeMs / 1000)
      .encode();
  };
  const services = {
    async http() {
      given++;
      return { status: 200, headers: new Headers(), body: Buffer.from(JSON.stringify({ access_token: tokenOf() })) };
    },
    secrets: { protect() {}, unechoed: <T>(_: unknown, content: T) => content },
    ...{ log: pino({ level: 'silent' }), now: () => clock.ms },
  } as unknown as ConnectorServices;
  const settings = {
    ...{ name: 'acme', connector: 'cylance', tenantId: 't', applicationId: 'a', keepOriginal: true },
    applicationSecret: () => 'a-secret-of-the-test',
  };
  return { clock, given: () => given, holder: createTokenHolder(settings, 'http://vendor', services) };
}

test.each([0, 3 * 60 * MINUTE, -3 * 60 * MINUTE])(
  'one of 30 minutes is used for 28, then another is asked for (the vendor is ahead by %i ms)',
  async (aheadMs) => {
    const { clock, given, holder } = vendor({ aheadMs });
    const first = await holder.get(signal);
    clock.ms = START + 27 * MINUTE;
    expect(await holder.get(signal)).toBe(first);
    clock.ms = START + 28 * MINUTE;
    const second = await holder.get(signal);
    expect(second).not.toBe(first);
    expect(await holder.get(signal)).toBe(second);
    expect(given()).toBe(2);
  },
);

test('one that does not say how long it lives is used for two minutes', async () => {
  const { clock, holder } = vendor({ opaque: true });
  const tokens: string[] = [];
  for (const minutes of [0, 1, 2, 3]) {
    clock.ms = START + minutes * MINUTE;
    tokens.push(await holder.get(signal));
  }
  expect(tokens).toEqual(['token-1', 'token-1', 'token-2', 'token-2']);
});

test('one that was refused is not used again, however long it says that it lives', async () => {
  const { given, holder } = vendor();
  const first = await holder.get(signal);
  holder.refused(first);
  const second = await holder.get(signal);
  expect(second).not.toBe(first);
  holder.refused(first); // by a request that was sent before
  expect(await holder.get(signal)).toBe(second);
  expect(given()).toBe(2);
});

test('all who wait share one request, before the first and after a refusal', async () => {
  const { given, holder } = vendor();
  const [first] = await Promise.all([1, 2, 3].map(() => holder.get(signal)));
  holder.refused(first as string);
  const again = await Promise.all([1, 2, 3].map(() => holder.get(signal)));
  expect(new Set(again).size).toBe(1);
  expect(again[0]).not.toBe(first);
  expect(given()).toBe(2);
});
