/** A sink stores documents. */
import type { Json, StreamName } from './document.ts';
import type { Range } from './walk.ts';

/** A document on its way to a sink. */
export interface OutDocument {
  /** The document id: `_id` in Elasticsearch. */
  id: string;
  stream: StreamName;
  /** The data stream's namespace: the source's name. */
  namespace: string;
  /** The record's key: `event.id`. */
  key: string;
  /** `event.hash`. */
  revision: string;
  /** `event.sequence`: 1 for the first revision of its record. */
  ordinal: number;
  /** `host.id`, where the document has one. */
  hostId: string | undefined;
  /** The document as UTF-8; made early, since a buffer is kept outside the heap. */
  json: Buffer;
  /** The position in `json` of the time of `event.ingested`: the sink writes it when it sends the document. */
  ingestedAt: number;
}

export interface Batch {
  pipeline: string;
  walk: string;
  /** Rises with every batch of its walk. A number is never used twice, not even after the state was lost. */
  number: number;
  documents: OutDocument[];
}

/** A document that a sink refused for good because of its content. */
export interface Rejection {
  id: string;
  /** The sink's word for it, e.g. `document_parsing_exception`. */
  type: string;
  reason: string;
  field?: string;
}

export interface Written {
  rejections: Rejection[];
  /** What the sink needs to know about the last committed batch. */
  receipt: Json;
}

/** A batch that was prepared and not committed, since the process died in between. */
export interface Prepared {
  walk: string;
  number: number;
  /** When it was prepared, epoch milliseconds. */
  atMs: number;
  ids: { id: string; stream: StreamName; namespace: string }[];
}

/** A document as a sink holds it. What a document lacks, which another program wrote, is empty or 0. */
export interface StoredDocument {
  /** `_id` in Elasticsearch, the header `id` in Kafka; what it must be, where the sink keeps none. */
  id: string;
  /** `event.id`. */
  key: string;
  /** `event.hash`. */
  revision: string;
  /** `event.sequence`. */
  ordinal: number;
  /** `@timestamp`, epoch milliseconds; of a later revision, too, the time of the record. */
  timeMs: number | undefined;
  /** When it was shipped: `event.ingested`, epoch milliseconds. */
  ingestedMs: number | undefined;
  /** Where it lies: an index, a file and line, a partition and offset. */
  place: string;
  /** What a state remembers of it, where the query asks for that. */
  last?: string;
}

/** Which documents are meant: those of one stream and source. */
export interface StoredQuery {
  stream: StreamName;
  /** The source's name. */
  namespace: string;
  /** Documents of another `@timestamp` may be left out. */
  range?: Range;
  /** Also what a state remembers of each document (`src/api/records/last.ts`). */
  remembered?: boolean;
}

export interface Beside {
  /** What it is: `changes`. */
  what: string;
  expected: number;
  missing: number;
}

/** Where documents go. Every method may throw a `SluiceError` with action `stop` (its message says what to do). */
export interface Sink {
  /** `type` in the config. */
  readonly kind: string;
  /** Whether the state must keep the ids of a batch while it is written (so that `recover` can look them up). */
  readonly looksUp: boolean;
  /** Resolves once every document is durable or rejected; throws if the outcome is unknown. Safe to call for several walks at once. */
  write(batch: Batch, signal: AbortSignal): Promise<Written>;
  /**
   * Called before the first write of a pipeline, and after a failed write: returns the ids of the prepared batches that
   * arrived. `committed` has the last receipt of every walk. A sink that can remove documents that were not committed does
   * so here.
   */
  recover(
    pipeline: string,
    prepared: Prepared[],
    committed: ReadonlyMap<string, Json>,
    signal?: AbortSignal,
  ): Promise<{ arrived: Set<string> }>;
  /** Called when the last batch of this walk was not committed, and may have arrived: `recover` decides about it, not `close`. */
  outcomeUnknown?(pipeline: string, walk: string): void | Promise<void>;
  /**
   * What the sink holds, each document once for each time that it is there, in any order, a page at a time. What comes in
   * meanwhile, or came in a moment ago, may be left out. Without it, nobody can compare, repair or rebuild.
   */
  stored?(query: StoredQuery, signal: AbortSignal): AsyncIterable<StoredDocument[]>;
  /**
   * The newest document of each record, where the sink keeps it apart: what a lost state is made from by itself.
   */
  newest?(query: StoredQuery, signal: AbortSignal): AsyncIterable<StoredDocument[]>;
  /** In words, what is not there any more for an ordinary reason: a retention, or a collector of files. */
  removed?(query: StoredQuery, signal: AbortSignal): Promise<string | undefined>;
  /**
   * What the sink keeps beside documents of that query, and makes from them: how many there should be, and how many are not
   * there. With `mend` those are made. Left out where it keeps nothing beside them.
   */
  beside?: ((query: StoredQuery, mend: boolean, signal: AbortSignal) => Promise<Beside | undefined>) | undefined;
  /** Removes documents that `stored` told of. Without it, what is there twice stays. */
  remove?(documents: readonly Pick<StoredDocument, 'id' | 'place'>[], signal: AbortSignal): Promise<void>;
  /** For `sluice check`: whether the sink can be reached and written to. */
  check(signal: AbortSignal): Promise<CheckLine[]>;
  close(): Promise<void>;
}

export interface CheckLine {
  what: string;
  ok: boolean;
  detail: string;
  /** What to do when `ok` is false. */
  advice?: string;
  /** The check passed, but a person should look at its detail. */
  isWarning?: boolean;
}
