/** Source x stream x sink: what its walks share. Each part says in its `…Needs` what it takes of it. */
import type { Logger } from 'pino';
import type { VendorClient } from '../api/client.ts';
import type { SourceFacts } from '../api/document.ts';
import type { Sink } from '../api/sink.ts';
import type { ReadingSettings, Registered } from '../api/stream.ts';
import type { ChildRow, Gap, Walk } from '../api/walk.ts';
import type { Memory } from '../net/memory.ts';
import type { Pause } from '../state/jobs/parts.ts';
import type { RawStore } from '../state/raw/keep.ts';
import type { LedgerRow, PipelineState } from '../state/store.ts';
import type { AlertLimit } from './alerts/limit.ts';
import type { HostGate } from './change/host-gate.ts';
import type { RefreshSettings } from './change/refresh.ts';
import type { Claims } from './claims.ts';
import type { OwnMapping } from './own/mapping.ts';
import type { Blocked, RejectionLimits } from './rejection-limits.ts';
import type { SinkGate } from './sink-gate.ts';

/** What a pipeline reports to progress, metrics and health. */
export interface PipelineEvents {
  /** A walk begins, or goes on where it was. */
  began(walk: Walk): void;
  /** It reads no more for now, whether it came to its end or not. */
  ended(walk: string): void;
  /** A request of this route begins to wait for its turn and its answer; what is returned is called when it is answered or given up. */
  requesting(walk: string, route: string): () => void;
  /** A page with so many records was read. */
  seen(walk: string, records: number): void;
  delivered(walk: string, documents: number, rejected: number): void;
  /** The sink has new records, which the vendor has had since these times. Not those of history. */
  acknowledged(walk: string, availableMs: readonly number[]): void;
  window(row: LedgerRow): void;
  /** A walk came to its end. */
  walked(walk: Walk): void;
  /** The vendor refuses a backfill for good; the other walks go on. */
  refused(walk: Walk, reason: string): void;
  /** Something does not answer; the pipeline goes on by itself. */
  waiting(reason: string): void;
  /** So many alerts were shipped as events, since there were too many. */
  held(alerts: number): void;
  /** A person has paused it; undefined when that is over. */
  paused(pause: Pause | undefined): void;
  /** A person should look at something although everything goes on; undefined when that is over. */
  alarmed(text: string | undefined): void;
  /** It takes no further documents until a person decides about those that were rejected; undefined when that is over. */
  blocked(why: Blocked | undefined): void;
  /** A walk cannot go on for now; it is tried again. */
  walkFailed(walk: Walk, reason: string, advice?: string): void;
  /** A child was read, or could not be. */
  child(row: ChildRow): void;
  /** So many records wait for their detail now. */
  owed(records: number): void;
  /** All parts of the resource that are known not to be delivered now. */
  gaps(gaps: readonly Gap[]): void;
  /** The sink is asked for something, and may take long to answer. */
  asking(walk: string): void;
  /** The sink answered. With `taken` it is known to take documents, with `failure` that it does not. */
  answered(walk: string, outcome: { taken?: boolean; failure?: string }): void;
}

interface BatchSettings {
  /** A batch is written when it has so many records ... */
  documents: number;
  /** ... or documents of so many bytes ... */
  bytes: number;
  /** ... or is this old. */
  waitMs: number;
}

export interface Pipeline {
  /** `source/stream/sink`. */
  name: string;
  registered: Registered;
  source: SourceFacts;
  /** What the config makes of its documents; undefined where it says nothing. */
  own: OwnMapping | undefined;
  client: VendorClient;
  sink: Sink;
  /** The sink's name in the config. */
  sinkName: string;
  /** Keeps the vendor's records as they are delivered; undefined where that is not asked for. */
  raw: RawStore | undefined;
  state: PipelineState;
  reading: ReadingSettings;
  /** Parents that the configuration names, whether a list has them or not. */
  parents: readonly string[];
  /** Notes of other kinds are read by no stream of the source, and not kept. */
  wantedNotes: ReadonlySet<string>;
  /** Whether documents are completed by what the inventory says of their host. */
  enrichHosts: boolean;
  /** Holds up the first walks of the source until its inventory is known. */
  hostGate: HostGate;
  /** Whether details are fetched. */
  details: boolean;
  refresh: RefreshSettings;
  /** The memory for replies, which all sources share. */
  memory: Memory;
  /** Details of so many records at most are under way, or waiting for their turn, per walk. */
  mostOpenDetails: number;
  /** So many pages of a list are asked for at the same time where history is read. */
  pagesAtOnce: number;
  batch: BatchSettings;
  ignored: ReadonlySet<string>;
  /** Scopes that have worked in this process. */
  allowed: Set<string>;
  claims: Claims;
  /** Records that wait for their detail, with their fingerprints. */
  owed: Map<string, string | null>;
  /** How long a record waits for a detail that cannot be had. */
  detailPatienceMs: number;
  /** Rises with every commit: a look-up from before it may be out of date. */
  commits: number;
  /** The limit of alerts that it shares with the other pipelines of its source and sink; undefined where there is none. */
  alerts: AlertLimit | undefined;
  rejections: RejectionLimits;
  /** Causes of rejections that were logged. */
  told: Set<string>;
  sinkGate: SinkGate;
  /** Aborted by a second stop signal, or 8 s after the first: breaks off even a write. */
  hardStop: AbortSignal;
  events: PipelineEvents;
  log: Logger;
  now: () => number;
}
