/** Another part of a resource, read in passing by a walk that keeps its own cursor. */
import type { Json, Page, Range, Stream, StreamContext, Walk } from '../types.ts';

/** Its pages, all with the cursor that is given. Returns whether all of it was read: nothing unsettled, and no gap. */
export async function* partOf(
  stream: Stream,
  context: StreamContext,
  walk: Walk,
  range: Range,
  cursor: Json,
): AsyncGenerator<Page, boolean> {
  const settled = new Map<string, boolean>();
  let gaps = 0;
  for await (const page of stream.pages(context, { ...walk, range }, undefined)) {
    gaps += page.gaps?.length ?? 0;
    const { accepted } = page;
    if (accepted !== undefined) settled.set(`${accepted.range.fromMs}-${accepted.range.toMs}`, accepted.settled);
    yield { ...page, cursor };
  }
  return gaps === 0 && settled.size > 0 && [...settled.values()].every(Boolean);
}
