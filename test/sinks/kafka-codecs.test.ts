/** Snappy and LZ4, read: examples of their specifications, and damaged ones. The services test has those of a broker. */
import { expect, test } from 'vitest';
import { fromLz4, fromSnappy } from '../../src/sinks/kafka/stored/codecs.ts';
import { randomFrom } from '../e2e/kills.ts';
import { seed } from '../seed.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
test('a block of snappy: literals, and copies of each kind', () => {
  // length 17: literal "abcdef", copy of 5 bytes from 6 back (kind 1), copy of 3 from 6 back (kind 2), of 3 from 1 back (kind 3)
  const block = hex('11 14 616263646566 05 06 0a 0600 0b 01000000');
  expect(fromSnappy(block).toString()).toBe('abcdefabcdefabbbb');
  const long = Buffer.alloc(70_000, 'x');
  const head = hex('f0a204 f8 6f1101'); // a literal whose length takes three bytes
  expect(fromSnappy(Buffer.concat([head, long])).equals(long)).toBe(true);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(block.length);
  const twice = Buffer.concat([hex('82534e4150505900 00000001 00000001'), size, block, size, block]);
  expect(fromSnappy(twice).toString()).toBe('abcdefabcdefabbbb'.repeat(2));
});

test('a frame of LZ4: compressed and plain blocks, which refer to those before', () => {
  const head = hex('04224d18 40 40 00');
  // literals "abcdef", 9 bytes from 6 back; the last one has literals alone
  const block = hex('65 616263646566 0600 20 7879');
  const size = Buffer.alloc(4);
  size.writeUInt32LE(block.length);
  const plain = hex('03000080 313233');
  const end = hex('00000000');
  const frame = Buffer.concat([head, size, block, plain, end]);
  expect(fromLz4(frame).toString()).toBe('abcdefabcdefabcxy123');
  // The second block begins with a copy of 4 bytes of the first one, and its last run is longer than a nibble says.
  const next = hex('1a000000 00 0400 f0 06 414141414141414141414141414141414141414141'.slice(0));
  expect(fromLz4(Buffer.concat([head, size, block, next, end])).toString()).toBe(
    `abcdefabcdefabcxybcxy${'A'.repeat(21)}`,
  );
  expect(() => fromLz4(hex('00112233445566778899'))).toThrow('no LZ4 frame');
});

test('damaged ones throw an error of ours, however they are damaged, and take no more room than is allowed', () => {
  const random = randomFrom(seed);
  const block = hex('11 14 616263646566 05 06 0a 0600 0b 01000000');
  const lz4 = hex('04224d18 40 40 00 0c000000 65 616263646566 0600 20 7879 00000000');
  for (let round = 0; round < 20_000; round++)
    for (const [read, whole] of [
      [fromSnappy, block],
      [fromLz4, lz4],
    ] as const) {
      const bytes = Buffer.from(whole).subarray(0, 1 + Math.floor(random() * whole.length));
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      try {
        expect(read(bytes).length).toBeLessThan(128 * 1024 * 1024);
      } catch (error) {
        expect((error as Error).message).toMatch(/is damaged/);
      }
    }
});
