/** Sees to it that each later revision in a data stream has its copy among the changes, and each once. */
import type { Logger } from 'pino';
import type { EcsDocument } from '../../../api/document.ts';
import { isOwnId } from '../../../api/records/identity.ts';
import type { Beside, OutDocument, StoredQuery } from '../../../api/sink.ts';
import type { Range } from '../../../api/walk.ts';
import { dataStreamOf, inPortions } from '../bulk.ts';
import { lookUpUntilAnswered } from '../lookup.ts';
import { hitsIn, timesIn } from '../stored.ts';
import { deliverAll, type Writing } from '../write.ts';
import { changeFrom } from './changes.ts';

type Adding = Writing & { log: Logger };

/**
 * They are always looked up first: a copy may be there from a write whose outcome was not known, or from before a document
 * was shipped once more. One that is refused is told, and left out: its document has arrived.
 */
export async function addChanges(
  writing: Adding,
  copies: readonly OutDocument[],
  ingested: string,
  signal: AbortSignal,
): Promise<void> {
  if (copies.length === 0) return;
  const refused = await deliverAll(writing, copies, { ingested, attempted: true, signal });
  const [first] = refused;
  if (first === undefined) return;
  const where = dataStreamOf(writing.limits.dataStreamType, copies[0] as OutDocument);
  const { log } = writing;
  log.warn(
    { count: refused.length, type: first.type },
    `${where} does not take changes, whose documents have arrived: ${first.reason}`,
  );
}

/** Whole documents to a page. */
const AT_ONCE = 200;

/** Only those with these ids, or of this time; all, where neither is said. */
interface Which {
  ids?: readonly string[];
  range?: Range | undefined;
}

/** Looks which copies are missing, and with `mend` makes them of the documents that are there. */
export async function completeChanges(
  writing: Adding,
  { stream, namespace }: Pick<StoredQuery, 'stream' | 'namespace'>,
  { ids, range }: Which,
  { mend, signal }: { mend: boolean; signal: AbortSignal },
): Promise<Beside> {
  const done: Beside = { what: 'changes', expected: 0, missing: 0 };
  for (const some of ids === undefined ? [undefined] : inPortions(ids, AT_ONCE)) {
    const filter = {
      bool: {
        filter: [
          { range: { 'event.sequence': { gt: 1 } } },
          ...(some === undefined ? [] : [{ ids: { values: some } }]),
          ...(range === undefined ? [] : [timesIn(range)]),
        ],
      },
    };
    const { client, newBackoff, limits, now } = writing;
    const dataStream = dataStreamOf(limits.dataStreamType, { stream, namespace });
    for await (const hits of hitsIn(
      { client, newBackoff, dataStream, signal },
      { size: AT_ONCE, source: true, filter },
    )) {
      const own = hits.flatMap(({ id, source }) => changeOf(id, source as EcsDocument, { stream, namespace }) ?? []);
      const copies = new Map(own.map((copy) => [copy.id, copy]));
      if (copies.size === 0) continue;
      const place = dataStreamOf(limits.dataStreamType, [...copies.values()][0] as OutDocument);
      const there = await lookUpUntilAnswered(
        { client, dataStream: place, ids: [...copies.keys()], signal },
        newBackoff(),
      );
      const missing = [...copies.values()].filter(({ id }) => !there.has(id));
      done.expected += copies.size;
      done.missing += missing.length;
      if (mend) await addChanges(writing, missing, new Date(now()).toISOString(), signal);
    }
  }
  return done;
}

/** Of a document that somebody else put there, nothing is known. */
function changeOf(id: string, document: EcsDocument, of: Pick<StoredQuery, 'stream' | 'namespace'>) {
  const copy = changeFrom(document, of.stream, of.namespace);
  return isOwnId(of.stream, { ...copy, id }) && typeof copy.key === 'string' ? copy : undefined;
}
