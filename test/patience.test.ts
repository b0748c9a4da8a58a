/** Who waits for a refusal, and for how long: by a clock that only the test moves. */
import pino from 'pino';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../src/api/errors.ts';
import { lockedOut } from '../src/net/credentials.ts';
import { createRefusals } from '../src/net/refusals.ts';
import { type Asked, createRetryPolicy } from '../src/net/retry-policy.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const never = new AbortController().signal;

/** Time passes only here; whoever sleeps is woken in order. */
function clockwork() {
  let nowMs = 0;
  const sleepers: { atMs: number; wake: () => void }[] = [];
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    now: () => nowMs,
    sleep: (ms: number) => new Promise<void>((wake) => void sleepers.push({ atMs: nowMs + ms, wake })),
    async pass(ms: number) {
      const endMs = nowMs + ms;
      for (;;) {
        await settle();
        const [next] = sleepers.sort((one, other) => one.atMs - other.atMs);
        if (next === undefined || next.atMs > endMs) break;
        nowMs = Math.max(nowMs, next.atMs);
        while (sleepers[0] !== undefined && sleepers[0].atMs <= nowMs) sleepers.shift()?.wake();
      }
      nowMs = endMs;
      await settle();
    },
  };
}

function open(deadlineMs = 10 * MINUTE_MS) {
  const clock = clockwork();
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const refusals = createRefusals(clock.now);
  const retry = { deadlineMs, firstDelayMs: 500, maxDelayMs: 30_000 };
  const patiently = createRetryPolicy({ retry, log, refusals, lived: clock.now, sleep: clock.sleep });
  const sent: string[] = [];
  /** Per path: what it answers. Nothing: well. */
  const answers = new Map<string, () => SluiceError | undefined>();
  /** Asks, and says what became of it. */
  const ask = (path: string, more: Partial<Asked> = {}) => {
    const asked = { path, route: path.split('/')[1] ?? '', scope: 'x:list', signal: never, ...more };
    const outcome: { error?: SluiceError; isAnswered?: true } = {};
    const call = async (isHeld: () => boolean) => {
      if (isHeld()) throw new SluiceError('held', { action: 'retry', isUnsent: true });
      sent.push(path);
      await clock.sleep(20); // others go meanwhile, unless they are kept
      const error = answers.get(path)?.();
      if (error !== undefined) throw error;
    };
    patiently(asked, call).then(
      () => {
        outcome.isAnswered = true;
      },
      (error: SluiceError) => {
        outcome.error = error;
      },
    );
    return outcome;
  };
  return { clock, said, refusals, sent, answers, ask, sentSince: () => sent.splice(0) };
}

const limited = (waitMs?: number) =>
  new SluiceError('answered 429', { action: 'retry', general: 'route', status: 429, waitMs });
const forbidden = () => new SluiceError('answered 403: blocked', { action: 'forbidden', status: 403 });
const refused = () => lockedOut('the vendor refused the credentials (HTTP 401)', { status: 401, advice: 'Check.' });

describe('a hold', () => {
  test('of the whole source ends with one request that goes first, whichever route it is of', async () => {
    const { clock, ask, answers, sentSince } = open();
    answers.set('/a/1', () => limited(10_000));
    answers.set('/b/1', () => limited(10_000));
    ask('/a/1');
    ask('/b/1');
    await clock.pass(20);
    expect(sentSince()).toEqual(['/a/1', '/b/1']);
    const others = ['/c/1', '/d/1', '/e/1'].map((path) => ask(path));
    await clock.pass(9900);
    expect(sentSince()).toEqual([]);
    await clock.pass(1000); // the first that goes is refused again, and so is the first of another route
    expect(sentSince()).toEqual(['/a/1', '/b/1']);
    answers.clear();
    await clock.pass(12_000);
    expect(sentSince().sort()).toEqual(['/a/1', '/b/1', '/c/1', '/d/1', '/e/1']);
    expect(others.every(({ isAnswered }) => isAnswered)).toBe(true);
  });

  test('is said after a minute, again each minute, and counted, though nothing is sent meanwhile', async () => {
    const { clock, ask, answers, said, refusals } = open();
    answers.set('/a/1', () => limited(5 * MINUTE_MS));
    ask('/a/1');
    await clock.pass(MINUTE_MS - 1000);
    expect(said).toEqual([]);
    await clock.pass(2 * MINUTE_MS);
    expect(said).toEqual(['still waiting after 60 s: answered 429', 'still waiting after 120 s: answered 429']);
    expect(refusals.counts).toEqual(new Map([['429', 1]]));
    expect(refusals.troubles(['a'])).toMatchObject([{ reason: 'answered 429', isFailing: false }]);
    expect(refusals.troubles(['b'])).toEqual([]);
    answers.clear();
    await clock.pass(3 * MINUTE_MS);
    expect(refusals.troubles(['a'])).toEqual([]);
  });
});

describe('one record that is refused with a long Retry-After each time', () => {
  const record = { retry: 'brief' } as const;

  test('is that record’s once others were answered after the hold, and holds nobody any more', async () => {
    const { clock, ask, answers, sentSince } = open();
    answers.set('/a/7', () => limited(30 * MINUTE_MS));
    const first = ask('/a/7', record);
    await clock.pass(20);
    expect(first.error).toMatchObject({ general: 'route', waitMs: 30 * MINUTE_MS });
    expect(ask('/a/9', record)).toEqual({}); // held, too
    await clock.pass(31 * MINUTE_MS);
    sentSince();
    const again = ask('/a/7', record); // the first of its poll; it lets the others go before it
    const others = ['/a/8', '/a/9'].map((path) => ask(path, record));
    await clock.pass(1000);
    expect(others).toEqual([{ isAnswered: true }, { isAnswered: true }]);
    expect(again.error).toMatchObject({ action: 'retry', general: undefined, waitMs: 30 * MINUTE_MS });
    expect(ask('/a/7', record)).toEqual({});
    await clock.pass(1000);
    const later = ask('/a/10', record);
    await clock.pass(20);
    expect(later).toEqual({ isAnswered: true });
  });

  test('is not when others are refused as well: that is a rate limit', async () => {
    const { clock, ask, answers } = open();
    const isLimited = () => limited(30 * MINUTE_MS);
    answers.set('/a/7', isLimited);
    answers.set('/a/8', isLimited);
    for (const path of ['/a/7', '/a/8']) ask(path, record);
    await clock.pass(31 * MINUTE_MS);
    expect(ask('/a/9', record)).toEqual({});
    await clock.pass(1000);
    const again = ask('/a/7', record);
    await clock.pass(20);
    expect(again.error).toMatchObject({ general: 'route' });
  });
});

describe('credentials that are refused', () => {
  test('are said at once where nobody was ever let in, and asked about again one at a time', async () => {
    const { clock, ask, answers, sentSince, refusals, said } = open();
    for (const path of ['/a/1', '/b/1']) answers.set(path, refused);
    const outcomes = [ask('/a/1', { wasAllowed: true })];
    await clock.pass(20);
    outcomes.push(ask('/b/1'));
    await clock.pass(20);
    for (const { error } of outcomes) {
      expect(error).toMatchObject({ action: 'stop', isLockedOut: true, advice: 'Check.', general: 'source' });
      expect(error?.waitMs).toBeGreaterThan(0);
    }
    expect(sentSince()).toEqual(['/a/1']);
    expect(said).toEqual([
      'no request of this source gets through for now: the vendor refused the credentials (HTTP 401) → Check.',
    ]);
    expect(refusals.troubles(['whatever'])).toMatchObject([{ isFailing: true, advice: 'Check.' }]);
    await clock.pass(2000);
    answers.clear();
    expect(ask('/b/1')).toEqual({});
    await clock.pass(20);
    expect(refusals.troubles(['whatever'])).toEqual([]);
  });

  test('are waited for where somebody was let in before: with growing pauses, five minutes at most', async () => {
    const { clock, ask, answers, sent } = open(2 * HOUR_MS);
    ask('/a/1');
    await clock.pass(20);
    answers.set('/a/1', refused);
    const waiting = ask('/a/1');
    await clock.pass(HOUR_MS);
    expect(waiting).toEqual({});
    const before = sent.length;
    expect(before).toBeLessThan(1 + 9 + 12);
    await clock.pass(HOUR_MS / 2);
    expect(sent.length - before).toBe(6);
    answers.clear();
    await clock.pass(5 * MINUTE_MS);
    expect(waiting).toEqual({ isAnswered: true });
  });
});

test('a token that is refused to one record beside others that are let in is that record’s own', async () => {
  const { clock, ask, answers, sent } = open();
  const record = { retry: 'brief' } as const;
  ask('/a/1', record);
  await clock.pass(20);
  answers.set('/a/7', refused);
  const one = ask('/a/7', record);
  await clock.pass(20);
  const others = ['/a/8', '/b/9'].map((path) => ask(path, record));
  await clock.pass(3000);
  expect(others).toEqual([{ isAnswered: true }, { isAnswered: true }]);
  expect(one.error).toMatchObject({ action: 'retry', general: undefined });
  expect(sent.filter((path) => path === '/a/7')).toHaveLength(2);
});

test('tokens that end too early are refused to many, and are nobody’s own, however often', async () => {
  const { clock, ask, answers } = open();
  const record = { retry: 'brief' } as const;
  const unaccepted = new SluiceError('answered 401', { action: 'retry', general: 'source', status: 401 });
  for (const path of ['/a/1', '/a/2']) answers.set(path, () => unaccepted);
  const refusedOnes = ['/a/1', '/a/2'].map((path) => ask(path, record));
  for (let times = 0; times < 12; times++) {
    ask(`/a/${10 + times}`, record); // others are answered in between
    await clock.pass(3000);
  }
  expect(refusedOnes).toEqual([{}, {}]);
  answers.clear();
  await clock.pass(MINUTE_MS);
  expect(refusedOnes).toEqual([{ isAnswered: true }, { isAnswered: true }]);
});

test('new tokens that are not accepted are asked for with short pauses, and failing after a minute of it', async () => {
  const { clock, ask, answers, sent, refusals } = open();
  const unaccepted = new SluiceError('answered 401', { action: 'retry', general: 'source', status: 401 });
  answers.set('/a/1', () => unaccepted);
  const waiting = ask('/a/1');
  await clock.pass(10_000);
  expect(sent.length).toBeGreaterThan(3);
  expect(refusals.troubles([])).toMatchObject([{ isFailing: false }]);
  await clock.pass(MINUTE_MS);
  expect(refusals.troubles([])).toMatchObject([{ isFailing: true }]);
  answers.clear();
  await clock.pass(MINUTE_MS);
  expect(waiting).toEqual({ isAnswered: true });
  expect(refusals.troubles([])).toEqual([]);
});

describe('a scope that has worked and answers 403', () => {
  const list = { wasAllowed: true, retry: 'patient' } as const;

  test('is failing after an hour of nothing else, and asked for every five minutes from then on', async () => {
    const { clock, ask, answers, sentSince, refusals } = open();
    answers.set('/a/1', forbidden);
    const isFailing = () => refusals.troubles(['a']).some((trouble) => trouble.isFailing);
    /** As `run` does: three walks that wait as long as they are told. */
    const walk = async () => {
      for (;;) {
        const outcome = ask('/a/1', list);
        while (outcome.error === undefined && !outcome.isAnswered) await clock.sleep(1000);
        if (outcome.isAnswered) return;
        expect(outcome.error).toMatchObject({ action: 'retry', message: 'answered 403: blocked' });
        expect(outcome.error?.advice).toMatch(/scope "x:list" still granted/);
        await clock.sleep(outcome.error?.waitMs ?? 0);
      }
    };
    for (let walks = 0; walks < 3; walks++) void walk();
    await clock.pass(59 * MINUTE_MS);
    expect(isFailing()).toBe(false);
    await clock.pass(20 * MINUTE_MS);
    expect(isFailing()).toBe(true);
    sentSince();
    await clock.pass(30 * MINUTE_MS);
    const { length } = sentSince();
    expect([length >= 5, length <= 7], String(length)).toEqual([true, true]);
    answers.clear();
    await clock.pass(11 * MINUTE_MS);
    expect(isFailing()).toBe(false);
  });

  test('is not failing where something else came in between, nor for one record alone', async () => {
    const { clock, ask, answers, refusals } = open(5 * HOUR_MS);
    let answer = forbidden;
    answers.set('/a/1', () => answer());
    ask('/a/1', list);
    await clock.pass(50 * MINUTE_MS);
    answer = () => new SluiceError('answered 500', { action: 'retry', status: 500 });
    await clock.pass(2 * MINUTE_MS);
    answer = forbidden;
    await clock.pass(50 * MINUTE_MS);
    expect(refusals.troubles(['a'])).toMatchObject([{ isFailing: false }]);
    answers.set('/b/1', forbidden);
    for (let hours = 0; hours < 3; hours++) {
      const one = ask('/b/1', { wasAllowed: true, retry: 'brief' });
      await clock.pass(HOUR_MS);
      expect(one.error).toMatchObject({ action: 'retry', general: undefined });
    }
    expect(refusals.troubles(['b'])).toEqual([]);
  });
});
