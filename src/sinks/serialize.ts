import type { EcsDocument, OutDocument } from '../types.ts';

/** As long as any ISO time in milliseconds, so that the real one fits into its place. */
const PLACEHOLDER = '0000-00-00T00:00:00.000Z';
const MEMBER = `"ingested":"${PLACEHOLDER}"`;
const OFFSET = '"ingested":"'.length;

/** The document as JSON, with a place kept for `event.ingested`, which is only known when it goes out. Adds that member to the document. */
export function toJson(document: EcsDocument): Pick<OutDocument, 'json' | 'ingestedAt'> {
  document.event ??= {};
  (document.event as Record<string, unknown>).ingested = PLACEHOLDER;
  const json = JSON.stringify(document);
  return { json, ingestedAt: json.indexOf(MEMBER) + OFFSET };
}

/** The document as it is stored. */
export function stamped({ json, ingestedAt }: Pick<OutDocument, 'json' | 'ingestedAt'>, ingested: string): string {
  return json.slice(0, ingestedAt) + ingested + json.slice(ingestedAt + PLACEHOLDER.length);
}

/** UTF-8 takes at most three bytes for a unit of a JavaScript text. */
const MAX_BYTES_PER_UNIT = 3;
const LINES_AT_ONCE = 250;

/** The documents, a line each. Encoded straight into large buffers: texts are copied once, and one in a foreign script makes no other longer. */
export function encodeLines(documents: readonly OutDocument[], ingested: string): Buffer {
  const parts: Buffer[] = [];
  for (let from = 0; from < documents.length; from += LINES_AT_ONCE) {
    parts.push(encodePart(documents.slice(from, from + LINES_AT_ONCE), ingested));
  }
  return Buffer.concat(parts);
}

function encodePart(documents: readonly OutDocument[], ingested: string): Buffer {
  const units = documents.reduce((sum, { json }) => sum + json.length + 1, 0);
  const buffer = Buffer.allocUnsafe(units * MAX_BYTES_PER_UNIT);
  let end = 0;
  for (const { json, ingestedAt } of documents) {
    const start = end;
    end += buffer.write(json, start);
    buffer.write(ingested, start + Buffer.byteLength(json.slice(0, ingestedAt)), 'latin1');
    buffer[end++] = NEW_LINE;
  }
  return buffer.subarray(0, end);
}

const NEW_LINE = 10;
