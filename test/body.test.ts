/** Bodies as gateways send them. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { textOfReply } from '../src/api/charset.ts';
import { unpacked, wholeBody } from '../src/net/body.ts';
import { partsOf } from '../src/net/long-reply.ts';

const TEXT = `{"result":[${Array.from({ length: 3000 }, (_, index) => `{"n":${index},"text":"${'äöü'.repeat(9)}"}`)}]}`;
const PLAIN = Buffer.from(TEXT);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = (bytes: Buffer, encoding: string | null, size = 1000) =>
  wholeBody(unpacked(inPieces(bytes, size), encoding), 1e9, () => new Error('too large'));

describe('packed bodies', () => {
  test.each([
    ['gzip', gzipSync(PLAIN)],
    ['x-gzip', gzipSync(PLAIN)],
    ['deflate', deflateSync(PLAIN)],
    ['deflate', deflateRawSync(PLAIN)],
    ['br', brotliCompressSync(PLAIN)],
    [null, PLAIN],
    ['identity', PLAIN],
  ])('%s', async (encoding, bytes) => {
    for (const size of [1, 7, 8192, 1e6]) expect((await read(bytes, encoding, size)).equals(PLAIN)).toBe(true);
  });

  test.each([
    ['a line feed', Buffer.from('\n')],
    ['zeros', Buffer.alloc(600)],
    ['a page of a gateway', Buffer.from('<html>bye</html>'.repeat(4000))],
    ['half of the magic number', Buffer.from([0x1f])],
  ])('gzip with %s behind it', async (_, rest) => {
    for (const size of [1, 50, 1e6]) {
      expect((await read(Buffer.concat([gzipSync(PLAIN), rest]), 'gzip', size)).equals(PLAIN)).toBe(true);
    }
  });

  test('gzip in several members, with every member of a header', async () => {
    const second = gzipSync(PLAIN);
    second[3] = 2 | 4 | 8 | 16;
    const extra = Buffer.from([3, 0, 1, 2, 3, ...Buffer.from('name\0comment\0'), 0, 0]);
    const whole = Buffer.concat([gzipSync(PLAIN), second.subarray(0, 10), extra, second.subarray(10), gzipSync('')]);
    expect((await read(whole, 'gzip')).equals(Buffer.concat([PLAIN, PLAIN]))).toBe(true);
  });

  test.each([
    ['cut short', gzipSync(PLAIN).subarray(0, -20), /cut short/],
    ['cut short in its checksum', gzipSync(PLAIN).subarray(0, -3), /cut short/],
    ['not gzip at all', PLAIN, /not gzip/],
    ['damaged', Buffer.concat([gzipSync(PLAIN).subarray(0, 40), Buffer.alloc(40, 0xff), gzipSync(PLAIN)]), /./],
    ['of another checksum', Buffer.concat([gzipSync(PLAIN).subarray(0, -8), Buffer.alloc(8)]), /checksum/],
  ])('gzip that is %s is refused', async (_, bytes, why) => {
    await expect(read(bytes, 'gzip')).rejects.toThrow(why);
  });

  test('a body that is too large is given up', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    let taken = 0;
    const counted = async function* () {
      for await (const chunk of unpacked(inPieces(bomb, 1000), 'gzip')) {
        taken += chunk.length;
        yield chunk;
      }
    };
    await expect(wholeBody(counted(), 1_000_000, () => new Error('too large'))).rejects.toThrow('too large');
    expect(taken).toBeLessThan(10_000_000);
  });
});

const said = (type: string | null) => ({ get: () => type });
const UTF16 = Buffer.from('{"a":"ä€"}', 'utf16le');

test.each([
  ['UTF-8', null, Buffer.from('{"a":"ä€"}')],
  ['UTF-8 with a byte order mark', null, Buffer.from('\ufeff{"a":"ä€"}')],
  [
    'UTF-8 with a byte order mark, called something else',
    'text/plain; charset=latin1',
    Buffer.from('\ufeff{"a":"ä€"}'),
  ],
  ['Windows-1252', 'application/json; charset="windows-1252"', Buffer.from('{"a":"\xe4\x80"}', 'latin1')],
  ['UTF-16', 'application/json;charset=UTF-16LE', UTF16],
  ['UTF-16 by its mark', null, Buffer.concat([Buffer.from([0xff, 0xfe]), UTF16])],
  ['UTF-16 the other way round', null, Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(UTF16).swap16()])],
  ['a charset that nobody knows', 'application/json; charset=klingon', Buffer.from('{"a":"ä€"}')],
])('the text of %s', (_, type, body) => {
  expect(JSON.parse(textOfReply({ headers: said(type), body }))).toEqual({ a: 'ä€' });
});

test.each([1, 1e9])('a long reply keeps its numbers and its charset (whole up to %d bytes)', async (wholeBytes) => {
  const text = '{"n":18446744073709551615,"result":[{"Size":9007199254740993,"Name":"ä","x":0.5}]}';
  const headers = said('application/json; charset=iso-8859-1');
  const parts = partsOf(inPieces(Buffer.from(text, 'latin1'), 3), {
    member: 'result',
    place: 'GET /x',
    headers,
    wholeBytes,
  });
  const first = await parts.next();
  expect(first.value).toEqual([{ Size: '9007199254740993', Name: 'ä', x: 0.5 }]);
  expect((await parts.next()).value).toEqual({ n: '18446744073709551615' });
  const marked = partsOf(inPieces(Buffer.from(`\ufeff${text}`), 3), { member: 'result', place: 'GET /x', wholeBytes });
  expect((await marked.next()).value).toEqual([{ Size: '9007199254740993', Name: 'ä', x: 0.5 }]);
});
