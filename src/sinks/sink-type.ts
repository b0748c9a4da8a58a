/** What a sink brings, and all that the rest knows of it: one folder, and one line in `registry.ts`. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { StreamName } from '../api/document.ts';
import type { CheckLine, Sink } from '../api/sink.ts';
import type { DeclaredFields } from '../api/stream.ts';
import { name } from '../api/values.ts';
import type { Parts } from '../system/parts.ts';
import type { Owner } from './ndjson/owner.ts';

/** Turns texts of the config file into what they stand for. */
export interface ConfigValues {
  /** A path of the file as seen from where the process runs. */
  path(text: string): string;
  /** Reads a secret; a `file:` reference anew at each call, so that a rotated secret needs no restart. */
  secret(reference: string): () => string;
  /** The number of a group; undefined for one that this machine does not know. */
  group(name: string): number | undefined;
}

/** The keys of a sink as the file has them, before they are checked. */
export type Given = Readonly<Record<string, unknown>>;

/** What is wrong with a sink: where in it, and a predicate. */
export interface SinkProblem {
  path: readonly (string | number)[];
  message: string;
}

export interface SinkTools {
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that the process lived through: what deadlines go by. */
  lived?: () => number;
  /** Receives errors that no code caught. */
  parts: Parts;
  /** Called when something is tried again. */
  retried?: () => void;
  /** Streams whose records change, so that a sink may keep their newest documents apart. */
  changing?: ReadonlySet<string>;
  /** The state that files are written for; left out by `check`. */
  owner?: Owner;
}

/** The name and the type of a sink in the config. */
export interface Named {
  name: string;
  type: string;
}

/** A stream, and the fields that templates are made of. */
export interface DeclaredStream {
  stream: StreamName;
  fields: DeclaredFields;
}

/** What `sluice init` asks and writes for a sink. */
export interface SinkBeginning {
  /** The key that holds its address, and what to ask for it. */
  readonly key: string;
  readonly isList: boolean;
  readonly question: string;
  readonly fallback: string;
  /** Further keys, for these addresses: credentials are references. */
  further?(addresses: readonly string[]): Readonly<Record<string, string>>;
  /** Whether `sluice setup` has to be run once. */
  readonly isSetUp: boolean;
}

export interface SinkType<Schema extends z.ZodObject, Settings extends Named> {
  /** `type` in the config. */
  readonly type: Settings['type'];
  /** Its keys in the config, `name` and `type` included. */
  readonly schema: Schema;
  /** Without it, `sluice init` does not offer the sink. */
  readonly beginning?: SinkBeginning;
  /** Valid keys of the file as the sink reads them. */
  settings(raw: z.output<Schema>, values: ConfigValues): Settings;
  /** Keys that hold a secret, the path of a file to be read, the name of a group: tried once at the start. */
  readonly secrets: readonly (readonly string[])[];
  readonly files: readonly string[];
  readonly groups: readonly string[];
  /** Problems that show in several keys together. */
  problems?(given: Given): SinkProblem[];
  /** Settings that work, but should not stay as they are. */
  warnings?(given: Given): SinkProblem[];
  /** The folder that it writes to, as the file names it: no two sinks share one. */
  folder?(given: Given): unknown;
  /** Whether documents of different namespaces go to different places; they do, where this is left out. */
  separates?(settings: Settings): boolean;
  /** Nothing is connected yet. */
  open(settings: Settings, tools: SinkTools): Promise<Sink>;
  /**
   * Whether what `sluice setup` prepares is there and of this version, in one line for a person; undefined where it cannot be
   * seen. Left out where nothing is prepared that could grow old.
   */
  prepared?(settings: Settings, signal: AbortSignal): Promise<CheckLine | undefined>;
  /** Streams that it makes by itself of another one; none, where this is left out. */
  derives?(settings: Settings, of: DeclaredStream): DeclaredStream[];
  /** Whether `recover` can be asked later what arrived (`Sink.looksUp`). */
  looksUp(settings: Settings): boolean;
  /** How long one write may take without an answer, its own retries included: longer is reported as stuck. */
  silentMs(settings: Settings): number;
  /** The same sink for `check` and `sample`, where a person waits so long at most. */
  impatient(settings: Settings, limitMs: number): Settings;
  /** The most open files and connections at a time: of the whole sink, and more for each of its pipelines. */
  readonly handles: { all: number; pipeline: number };
  /** Moves what the sink keeps by a source's name to the new one, where it can be moved; again does no harm. */
  renameSource?(settings: Settings, from: string, to: string): Promise<void>;
  /** It remembers batches by the name of their pipeline: under another name it knows of none. */
  readonly remembersNames?: boolean;
  /** `recover` also cuts files at an end that only the state knows: it runs before the state forgets a pipeline. */
  readonly endsOnRecover: boolean;
}

/** The key `name` of every sink. */
export const sinkName = () =>
  name(/^[a-z0-9_-]+$/, 'use lower case letters, digits, underscores and hyphens').describe(
    "The sink's name: in the state, in metrics and in `sinks` of a source. Changing it starts a new history.",
  );
