import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/api/errors.ts';
import { parseExact } from '../../src/api/records/json.ts';
import { partsOf } from '../../src/net/long-reply.ts';

const WHOLE = Number.MAX_SAFE_INTEGER;
/** It is short, but there is no memory to parse all of it at once. */
const NO_ROOM = 'for want of memory';

async function* chunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function readAll(text: string | Buffer, wholeBytes: number | typeof NO_ROOM, sizes = [7], member = 'result') {
  const memory = wholeBytes === NO_ROOM ? { wholeBytes: WHOLE, weigh: async () => 1 } : { wholeBytes };
  const parts = partsOf(chunks(Buffer.from(text), sizes), { member, place: 'GET /x', ...memory });
  const items: unknown[] = [];
  for (;;) {
    const { done, value } = await parts.next();
    if (done) return { items, rest: value };
    items.push(...value);
  }
}

const failureOf = (work: Promise<unknown>): Promise<SluiceError> =>
  work.then(
    () => expect.fail('it succeeded'),
    (error: unknown) => error as SluiceError,
  );

describe.each([
  ['whole', WHOLE],
  ['part by part', 0],
  ['part by part for want of memory', NO_ROOM],
] as const)('a reply read %s', (_how, wholeBytes) => {
  test('is what the whole of it is, however it is cut into chunks', async () => {
    const member = fc.constantFrom('result', 'Result', 'RESULT');
    const others = fc.dictionary(
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => name.toLowerCase() !== 'result'),
      fc.jsonValue(),
    );
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        member,
        fc.array(fc.jsonValue()),
        others,
        others,
        sizes,
        async (name, items, before, after, at) => {
          const text = JSON.stringify({ ...before, [name]: items, ...after });
          const { [name]: expected, ...rest } = parseExact(text) as Record<string, unknown>;
          expect(await readAll(text, wholeBytes, at)).toEqual({ items: expected, rest });
        },
      ),
    );
  });

  test('that is cut short anywhere fails, to be tried again', async () => {
    const text = JSON.stringify({ id: 'ä', result: [{ a: [1, 'x'] }, true, '資料', -1.5e3], status: 'done' });
    const bytes = Buffer.from(text);
    for (let length = 0; length < bytes.length; length++) {
      expect(await failureOf(readAll(bytes.subarray(0, length), wholeBytes))).toMatchObject({ action: 'retry' });
    }
  });

  test.each([
    ['no array', '{"id":"a","status":"done"}'],
    ['an object where the array should be', '{"result":{"a":1}}'],
    ['an array inside another member only', '{"data":{"result":[1]}}'],
    ['a bare array', '[1,2]'],
    ['a page of HTML', '<html></html>'],
    ['something behind it', '{"result":[1]}{}'],
    ['nothing', ''],
  ])('with %s is never taken for an empty one', async (_what, text) => {
    const error = await failureOf(readAll(text, wholeBytes));
    expect(error).toBeInstanceOf(SluiceError);
    expect(error).toMatchObject({ action: 'retry', message: expect.stringMatching(/^GET \/x: the reply /) });
  });
});

test.each([0, WHOLE])(
  'a reply of something else is refused before anything of it is handed out',
  async (wholeBytes) => {
    const text = JSON.stringify({ id: 'other', result: [1, 2, 3] });
    let parts = 0;
    const begin = ({ id }: Record<string, unknown>) => {
      if (id !== 'mine') throw new SluiceError('of another', { action: 'retry' });
    };
    const read = async () => {
      for await (const _part of partsOf(chunks(Buffer.from(text), [5]), {
        member: 'result',
        place: 'x',
        begin,
        wholeBytes,
      }))
        parts++;
    };
    await expect(read()).rejects.toThrow('of another');
    expect(parts).toBe(0);
  },
);

test('a long reply is handed out while it comes, and given up with its reader', async () => {
  let given = 0;
  let closed = false;
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      yield Buffer.from('{"result":[0');
      for (;;) {
        given++;
        yield Buffer.from(`,${'1,'.repeat(500)}1`);
      }
    } finally {
      closed = true;
    }
  }
  let items = 0;
  for await (const part of partsOf(endless(), { member: 'result', place: 'x', wholeBytes: 100 })) {
    items += part.length;
    if (items > 5000) break;
  }
  expect(given).toBeLessThan(20);
  expect(closed).toBe(true);
});

describe('a reply without an end', () => {
  const MOST = 100_000;
  const read = async (start: string, more: string) => {
    let sent = 0;
    const body = (async function* () {
      yield Buffer.from(start);
      for (;;) {
        sent += more.length;
        yield Buffer.from(more);
      }
    })();
    const items: unknown[] = [];
    const work = (async () => {
      const parts = partsOf(body, { member: 'result', place: 'GET /x', mostBytes: MOST, wholeBytes: 0 });
      for await (const part of parts) items.push(...part);
    })();
    return { error: await failureOf(work), items, sent };
  };

  test.each([
    ['a text', '{"result":[{"a":1},"', 'x'.repeat(1000)],
    ['a number', '{"result":[{"a":1},1', '1'.repeat(1000)],
    ['a name', '{"result":[{"a":1},{"', 'x'.repeat(1000)],
    ['members', '{"result":[{"a":1},{"a":1', ',"b":1'.repeat(100)],
    ['a list in an item', '{"result":[{"a":1},[0', ',{}'.repeat(100)],
    ['blanks', '{"result":[{"a":1}', ' '.repeat(1000)],
    ['what stands behind the array', '{"result":[{"a":1}],"b":[0', ',1'.repeat(500)],
  ])('of %s is refused when it exceeds the bound; what stands before is delivered', async (_what, start, more) => {
    const { error, items, sent } = await read(start, more);
    expect(error).toMatchObject({
      action: 'reject',
      isTooLarge: true,
      advice: expect.stringContaining('http.max_body'),
    });
    expect(error.message).toMatch(/^GET \/x: the reply holds more than 100000 bytes in one piece/);
    expect(items.slice(0, 1)).toEqual([{ a: 1 }]);
    expect(sent).toBeLessThan(2 * MOST);
  });

  test('of what stands before the array is refused', async () => {
    expect((await read('{"b":[0', ',1'.repeat(500))).error).toMatchObject({ action: 'reject', isTooLarge: true });
  });

  test('of items is as long as it likes', async () => {
    const body = chunks(Buffer.from(`{"result":[0${',{"a":1}'.repeat(50_000)}]}`), [1000]);
    let items = 0;
    for await (const part of partsOf(body, { member: 'result', place: 'GET /x', mostBytes: MOST }))
      items += part.length;
    expect(items).toBe(50_001);
  });

  test('of brackets is refused', async () => {
    const deep = chunks(Buffer.from(`{"result":[${'['.repeat(150_000)}`), [5000]);
    const work = Array.fromAsync(partsOf(deep, { member: 'result', place: 'GET /x', wholeBytes: 0 }));
    expect(await failureOf(work)).toMatchObject({
      action: 'reject',
      message: expect.stringContaining('nested more than'),
    });
  });
});
