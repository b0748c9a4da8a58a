/** Other parts of a resource, read in passing by a walk that keeps its own cursor. */

import type { Json } from '../../api/document.ts';
import { actionOf, messageWithAdvice, SluiceError } from '../../api/errors.ts';
import type { Stream, StreamContext } from '../../api/stream.ts';
import type { Page, Range, Walk } from '../../api/walk.ts';

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

/** The context for reading in passing: a request that fails is given up soon, so that it does not hold up the walk. */
export function inPassing(context: StreamContext): StreamContext {
  const { client } = context;
  const soon: typeof client = {
    ...client,
    json: (request) => client.json({ ...request, retry: request.retry === 'brief' ? 'brief' : 'few' }),
  };
  return { ...context, client: soon };
}

/**
 * The pages, as far as they can be had: a part that fails, or does not settle, is read by the next walk, and this walk
 * comes to its end.
 */
export async function* asFarAsPossible(context: StreamContext, pages: AsyncIterable<Page>): AsyncIterable<Page> {
  try {
    for await (const page of pages) yield { ...page, gaps: page.gaps?.filter(({ kind }) => kind !== 'unsettled') };
  } catch (error) {
    context.signal.throwIfAborted();
    const isOfMany = !(error instanceof SluiceError) || error.general !== undefined;
    if (isOfMany || (actionOf(error) !== 'retry' && actionOf(error) !== 'reject')) throw error;
    context.log.warn(`what lies beyond the range of a walk cannot be read for now: ${messageWithAdvice(error)}`);
  }
}
