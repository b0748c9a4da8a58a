/** How far the walk of a job has come: counts of the vendor, records and requests, kept in the state for whoever looks. */
import type { VendorClient } from '../../api/client.ts';
import type { Page, Range, Walk } from '../../api/walk.ts';
import type { JobPart } from '../../state/jobs/parts.ts';
import type { Pipeline } from '../pipeline.ts';

type ProgressNeeds = Pick<Pipeline, 'state' | 'registered' | 'now'>;

export interface WalkProgress {
  /** The vendor has counted a range that is read now; with `isMore`, further records of the range that was counted last. */
  counted(range: Range, records: number, isMore?: boolean): void;
  /** The client, whose requests are counted. */
  client(client: VendorClient, of: 'list' | 'detail'): VendorClient;
  /** Remembers for each page which part it belongs to: pages are read ahead. */
  tagged(pages: AsyncIterable<Page>): AsyncIterable<Page>;
  listed(page: Page): void;
  partOf(page: Page): JobPart;
  /** Nothing is left to do with a record of a page of this part. */
  finished(part: JobPart | undefined): void;
  /** A child of it was read. */
  child(part: JobPart | undefined): void;
  delivered(documents: number, rejected: number): void;
  /** What changed since it was stored last, for the commit. */
  take(): { job: number; parts: JobPart[] } | undefined;
  /** Stores what changed, at most once a second unless it must be. */
  save(must?: boolean): void;
}

const SAVE_MS = 1000;

/** Undefined for a walk that belongs to no job. */
export function openWalkProgress(pipeline: ProgressNeeds, walk: Walk): WalkProgress | undefined {
  const job = jobOf(walk);
  if (job === undefined) return undefined;
  const { state, registered, now } = pipeline;
  const isOfChildren = registered.stream.mode === 'children';
  const parts = new Map(state.jobParts(job).map((part) => [nameOf(part.range), part]));
  const ofPage = new WeakMap<Page, JobPart>();
  const changed = new Set<JobPart>();
  let current = parts.get(nameOf(walk.range)) ?? uncounted(walk.range);
  let workedAt = performance.now();
  let savedAt = workedAt;

  const knownIn = (range: Range): number => {
    if (isOfChildren) return 0;
    if (registered.stream.mode === 'windows') return state.countBetween(range);
    const { records, deleted } = state.recordsInAll();
    return records - deleted;
  };
  /** Without what the job itself has shipped. */
  const knownBefore = (range: Range, records: number): number => {
    const ours = [...parts.values()].filter((part) => isWithin(part.range, range));
    const shipped = ours.reduce((sum, { documents, rejected }) => sum + documents + rejected, 0);
    return Math.max(0, Math.min(records, knownIn(range) - shipped));
  };
  const note = (part: JobPart): void => {
    const at = performance.now();
    current.workedMs += at - workedAt;
    workedAt = at;
    part.atMs = now();
    changed.add(current);
    changed.add(part);
  };
  const take = (): { job: number; parts: JobPart[] } | undefined => {
    if (changed.size === 0) return undefined;
    note(current);
    savedAt = performance.now();
    const taken = [...changed];
    changed.clear();
    return { job, parts: taken };
  };
  const save = (must = false): void => {
    if (!must && performance.now() - savedAt < SAVE_MS) return;
    for (const part of take()?.parts ?? []) state.setJobPart(job, part);
  };
  return {
    counted(range, records, isMore = false) {
      if (isMore) {
        current.counted += records;
        note(current);
        return;
      }
      save(true);
      state.recount(job, range);
      for (const part of parts.values()) {
        if (part.range.fromMs >= range.toMs || part.range.toMs <= range.fromMs) continue;
        part.listed = 0;
        part.finished = 0;
        if (isWithin(part.range, range)) Object.assign(part, { counted: 0, known: 0 });
      }
      const part = parts.get(nameOf(range)) ?? uncounted(range);
      Object.assign(part, { counted: records, known: knownBefore(range, records) });
      parts.set(nameOf(range), part);
      note(part);
      current = part;
      save(true);
    },
    client: (client, of) => {
      const count = (): void => {
        if (of === 'list') current.listRequests++;
        else current.detailRequests++;
        note(current);
      };
      return {
        ...client,
        json: (request) => client.json(request).finally(count),
        async *parts(request) {
          try {
            yield* client.parts(request);
          } finally {
            count();
          }
        },
      };
    },
    async *tagged(pages) {
      for await (const page of pages) {
        ofPage.set(page, current);
        yield page;
      }
    },
    listed(page) {
      const part = ofPage.get(page) ?? current;
      part.listed += page.records.length;
      note(part);
      save();
    },
    partOf: (page) => ofPage.get(page) ?? current,
    finished(part = current) {
      if (isOfChildren) return;
      part.finished++;
      changed.add(part);
    },
    child(part = current) {
      part.finished++;
      changed.add(part);
    },
    delivered(documents, rejected) {
      current.documents += documents;
      current.rejected += rejected;
      note(current);
    },
    take,
    save,
  };
}

/** The job of a backfill's walk. */
export function jobOf({ id, kind }: Pick<Walk, 'id' | 'kind'>): number | undefined {
  const [, number] = /^backfill-(\d{1,15})$/.exec(id) ?? [];
  return kind === 'backfill' && number !== undefined ? Number(number) : undefined;
}

function isWithin(one: Range, other: Range): boolean {
  return one.fromMs >= other.fromMs && one.toMs <= other.toMs;
}

function nameOf({ fromMs, toMs }: Range): string {
  return `${fromMs}-${toMs}`;
}

function uncounted(range: Range): JobPart {
  const counts = { counted: 0, known: 0, listed: 0, finished: 0, documents: 0, rejected: 0 };
  return { range, ...counts, listRequests: 0, detailRequests: 0, workedMs: 0, atMs: 0 };
}
