import type { EcsDocument, OutDocument } from '../types.ts';

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
  // Nearly always everything before it is ASCII, and a character is a byte.
  const json = Buffer.from(text);
  const ingestedAt = json.length === text.length ? at : Buffer.byteLength(text.slice(0, at));
  return { json, ingestedAt };
}

/** The document as it is stored, as a text. */
export function stamped(document: Pick<OutDocument, 'json' | 'ingestedAt'>, ingested: string): string {
  return encodeLines([document], ingested).toString('utf8').trimEnd();
}

const NEW_LINE = 10;

/** The documents as they are stored, a line each. */
export function encodeLines(documents: readonly Pick<OutDocument, 'json' | 'ingestedAt'>[], ingested: string): Buffer {
  const buffer = Buffer.allocUnsafe(documents.reduce((sum, { json }) => sum + json.length + 1, 0));
  let end = 0;
  for (const { json, ingestedAt } of documents) {
    buffer.set(json, end);
    buffer.write(ingested, end + ingestedAt, 'latin1');
    end += json.length;
    buffer[end++] = NEW_LINE;
  }
  return buffer;
}
