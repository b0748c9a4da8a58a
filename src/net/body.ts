/** Reads the body of a reply: unpacked and bounded. */
import { type Duplex, pipeline } from 'node:stream';
import { createBrotliDecompress, createInflate, createInflateRaw } from 'node:zlib';
import { isAbort } from '../api/errors.ts';
import { gunzipped } from './gunzip.ts';

/** The encodings that `unpacked` understands, as the header says it. */
export const ACCEPT_ENCODING = 'gzip, deflate, br';

/** The unpacked body (`content-encoding`). Throws for a body that is damaged or cut short. */
export function unpacked(body: AsyncIterable<Buffer>, encoding: string | null): AsyncIterable<Buffer> {
  const coding = encoding?.trim().toLowerCase() ?? '';
  if (coding === 'gzip' || coding === 'x-gzip') return gunzipped(body);
  if (coding === 'deflate' || coding === 'x-deflate') return inflated(body);
  return coding === 'br' ? through(body, createBrotliDecompress()) : body;
}

/** Some servers leave out the wrapper that the standard asks for (RFC 9110, 8.4.1.2). */
async function* inflated(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  let first = await chunks.next();
  while (first.done !== true && first.value.length === 0) first = await chunks.next();
  if (first.done === true) return;
  const start = first.value;
  const all = (async function* () {
    yield start;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  })();
  const isWrapped = ((start[0] ?? 0) & 0x0f) === 8;
  yield* through(all, isWrapped ? createInflate() : createInflateRaw());
}

function through(body: AsyncIterable<Buffer>, engine: Duplex): AsyncIterable<Buffer> {
  return pipeline(body, engine, () => {}); // reading the engine throws the error
}

/** The whole body. Throws the result of `tooLarge` for a body that is too long. `grow` gets the size so far, and may delay reading. */
export async function wholeBody(
  body: AsyncIterable<Buffer>,
  maxBytes: number,
  tooLarge: () => Error,
  grow?: (bytes: number) => Promise<void> | undefined,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge();
    await grow?.(bytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The most bytes of a refusal's body that are read: the words of a page may stand behind much of its style. */
export const MOST_OF_REFUSAL_BYTES = 65_536;

/** A refusal is its status and its headers; an error in its body does not matter. */
export async function* asFarAsItGoes(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      yield chunk;
      bytes += chunk.length;
      if (bytes > MOST_OF_REFUSAL_BYTES) return;
    }
  } catch (error) {
    if (isAbort(error)) throw error;
  }
}
