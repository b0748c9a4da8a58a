import type { EcsDocument } from '../types.ts';

/** The document as it is stored: `event.ingested` is set last, when it goes out. */
export function serialize(document: EcsDocument, ingested: string): string {
  const event = document.event as Record<string, unknown> | undefined;
  if (event === undefined) return JSON.stringify({ ...document, event: { ingested } });
  event.ingested = ingested;
  return JSON.stringify(document);
}
