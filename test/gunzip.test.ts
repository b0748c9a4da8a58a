import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { gunzipped } from '../src/net/gunzip.ts';

async function unpacked(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of gunzipped(body)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A header that says that a name follows. */
const NAMED = Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);

test('a name in the header is read over', async () => {
  const whole = Buffer.concat([NAMED, Buffer.from('a name\0'), gzipSync('content').subarray(10)]);
  expect(
    await unpacked(
      (async function* () {
        yield whole;
      })(),
    ),
  ).toBe('content');
});

test('a header without an end is no gzip', async () => {
  async function* endless(): AsyncGenerator<Buffer> {
    yield NAMED;
    for (;;) yield Buffer.alloc(4096, 'x');
  }
  await expect(unpacked(endless())).rejects.toThrow('the gzip header has no end');
});
