import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/errors.ts';
import { parseExact } from '../../src/json.ts';
import { partsOf } from '../../src/long-reply.ts';

const WHOLE = Number.MAX_SAFE_INTEGER;

async function* chunks(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function readAll(text: string | Buffer, wholeBytes: number, sizes = [7], member = 'result') {
  const parts = partsOf(chunks(Buffer.from(text), sizes), { member, place: 'GET /x', wholeBytes });
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
])('a reply read %s', (_how, wholeBytes) => {
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
