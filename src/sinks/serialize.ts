import type { EcsDocument } from '../api/document.ts';
import type { OutDocument } from '../api/sink.ts';

/** As long as any ISO time in milliseconds, so that the real one fits into its place. */
const PLACEHOLDER = '0000-00-00T00:00:00.000Z';
const MEMBER = `"ingested":"${PLACEHOLDER}"`;
const OFFSET = '"ingested":"'.length;

/** The document as JSON, with a place kept for `event.ingested`, which is only known when it goes out. Adds that member to the document. */
export function toJson(document: EcsDocument): Pick<OutDocument, 'json' | 'ingestedAt'> {
  document.event ??= {};
  (document.event as Record<string, unknown>).ingested = PLACEHOLDER;
  const text = JSON.stringify(document);
  const at = text.indexOf(MEMBER) + OFFSET;
  // Nearly always the text before that place is ASCII, and a character is a byte.
  const json = bytesOf(text);
  const ingestedAt = json.length === text.length ? at : Buffer.byteLength(text.slice(0, at));
  return { json, ingestedAt };
}

/**
 * Documents of a batch lie side by side in a few large blocks, and die together: one block of memory for each would
 * cost more to keep and leave gaps.
 */
const BLOCK_BYTES = 256 * 1024;
let block = Buffer.alloc(0);
let used = 0;

function bytesOf(text: string): Buffer {
  const most = text.length * 3; // the most that UTF-8 takes
  if (most > BLOCK_BYTES / 8) return Buffer.from(text);
  if (used + most > block.length) {
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    used = 0;
  }
  const start = used;
  used += block.write(text, start);
  return block.subarray(start, used);
}

/** The stored document as text. */
export function stamped(document: Pick<OutDocument, 'json' | 'ingestedAt'>, ingested: string): string {
  return encodeLines([document], ingested).toString('utf8').trimEnd();
}

const NEW_LINE = 10;

/** The documents as they are stored, a line each. */
export function encodeLines(documents: readonly Pick<OutDocument, 'json' | 'ingestedAt'>[], ingested: string): Buffer {
  const buffer = Buffer.allocUnsafe(documents.reduce((sum, { json }) => sum + json.length + 1, 0));
  let end = 0;
  for (const document of documents) end += putLine(buffer, end, document, ingested);
  return buffer;
}

/** Writes one document as it is stored, and a line feed; returns how many bytes that took. */
export function putLine(
  buffer: Buffer,
  at: number,
  { json, ingestedAt }: Pick<OutDocument, 'json' | 'ingestedAt'>,
  ingested: string,
): number {
  buffer.set(json, at);
  buffer.write(ingested, at + ingestedAt, 'latin1');
  buffer[at + json.length] = NEW_LINE;
  return json.length + 1;
}

/** The document as it is stored. The time is put into its own bytes: nothing is copied. */
export function stampInPlace({ json, ingestedAt }: Pick<OutDocument, 'json' | 'ingestedAt'>, ingested: string): Buffer {
  json.write(ingested, ingestedAt, 'latin1');
  return json;
}
