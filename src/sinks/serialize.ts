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
