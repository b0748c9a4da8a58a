/** Brings the newest revisions up to what the data stream holds: after a crash between the two writes, and when they begin. */
import type { EcsDocument } from '../../../api/document.ts';
import { inPortions } from '../bulk.ts';
import { type Hit, hitsIn } from '../stored.ts';
import { latestOf, type Of } from './names.ts';
import { keepNewest, type LatestWriting, type Newest } from './write.ts';

/** Documents to a page: a reply of them has to fit into what is read of one. */
const PAGE = 50;
const SLICE = 1000;

interface Completing {
  /** The data stream. */
  from: string;
  of: Of;
  /** Only these documents; all, where it is left out. */
  ids?: readonly string[];
  signal: AbortSignal;
  progress?: (documents: number) => void;
}

/** How many documents were read. Those that the index refuses for their content stay as they are there: an older revision. */
export async function completeLatest(writing: LatestWriting, completing: Completing): Promise<number> {
  const { ids, progress = () => {} } = completing;
  const filters = ids === undefined ? [undefined] : idFilters(ids);
  let count = 0;
  for (const filter of filters) {
    for await (const hits of pages(writing, completing, filter)) {
      await keepNewest(writing, latestOf(completing.of), hits.flatMap(newestOf), completing.signal);
      count += hits.length;
      progress(count);
    }
  }
  return count;
}

function pages({ client, newBackoff }: LatestWriting, { from, signal }: Completing, filter: object | undefined) {
  return hitsIn({ client, dataStream: from, newBackoff, signal }, { size: PAGE, source: true, filter });
}

function idFilters(ids: readonly string[]): object[] {
  return inPortions(ids, SLICE).map((values) => ({ ids: { values } }));
}

/** What another program wrote there has no place in it. */
function newestOf({ source }: Hit): Newest[] {
  const { id: key, sequence: ordinal } = ((source as EcsDocument).event ?? {}) as { id?: unknown; sequence?: unknown };
  if (typeof key !== 'string' || typeof ordinal !== 'number' || !Number.isSafeInteger(ordinal) || ordinal < 1)
    return [];
  const body = Buffer.from(`${JSON.stringify(source)}\n`);
  return [{ key, ordinal, bytes: body.length, body: () => body }];
}
