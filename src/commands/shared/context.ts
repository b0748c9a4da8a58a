/** What a command may use of the outside world. `main.ts` makes it from the process; tests and the demo may make their own. */

import type { Registered } from '../../api/stream.ts';
import type { Memory } from '../../net/memory.ts';
import type { Lost } from '../../observe/outlet.ts';
import type { Output, Terminal, Writer } from '../../observe/output.ts';
import type { Redactor } from '../../redaction/redactor.ts';
import type { Clock } from '../../system/clock.ts';
import type { Parts } from '../../system/parts.ts';

export interface Context {
  /** Without the node binary and the script. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Results. */
  stdout: Writer;
  /** Talk: progress, logs, errors. */
  stderr: Terminal;
  /** How much talk could not be written; undefined when none was lost. */
  lost?: () => Lost | undefined;
  /** Whether a person watches stderr. */
  isTty: boolean;
  /** Width and height of the terminal. */
  columns: number;
  rows?: number;
  /** Aborted by the first SIGTERM or SIGINT: finish what is at hand. */
  signal: AbortSignal;
  /** Aborted by the second one, or 8 s after the first: stop at once. */
  hardStop: AbortSignal;
  /** Has the listener called when the process is asked to read its config again; returns what ends that. */
  onReload?: (listener: () => void) => () => void;
  /** Knows the secrets; one of its own by default. */
  redactor?: Redactor;
  /** Receives errors that no code caught. */
  parts?: Parts;
  /** For the replies of all sources. */
  memory?: Memory;
  /** The source of `now`. */
  clock?: Clock;
  now: () => number;
  /** `fields`: what the mapping can set; `setup` makes templates of it. */
  streams: readonly Registered[];
  /** Loaded only by the commands that need it. */
  simulator: () => Promise<SimulatorModule>;
  /** What Kibana gets; loaded only by the command that needs it. */
  content: () => Promise<ContentModule>;
  /** The command line that runs this program again. */
  self: readonly [string, ...string[]];
  version: string;
  /** Of Node, for the metrics. */
  nodeVersion?: string;
  setExitCode(code: number): void;
  /** Asks the person at the terminal; left out where nobody can answer. */
  confirm?: (question: string) => Promise<boolean>;
  /** The line that the person at the terminal answers with; undefined after a stop signal, or the end of the input. */
  ask?: (question: string) => Promise<string | undefined>;
}

/** A context within a command line: its outputs keep secrets back and make foreign text inert. */
export interface Cli extends Omit<Context, 'stdout' | 'stderr'> {
  redactor: Redactor;
  /** Results. */
  stdout: Output;
  /** Talk: errors, notes. */
  stderr: Output;
  /** stderr for the log and the progress bar, which draw. */
  terminal: Terminal;
}

/** The pack as the commands see it. */
export interface ContentModule {
  /** `latest`: for a cluster that keeps the newest revision of each record apart. */
  savedObjects(latest: boolean): readonly PackedObject[];
  detectionRules(): readonly PackedRule[];
  /** A line each, as Kibana imports them. */
  toNdjson(objects: readonly unknown[]): string;
}

interface PackedObject {
  type: string;
  id: string;
  attributes: Readonly<Record<string, unknown>>;
}

export type PackedRule = Readonly<Record<string, unknown>> & { rule_id: string; version: number; name: string };

/** The simulator as the commands see it; the engine does not depend on its folder. */
interface SimulatorModule {
  runSimulator(options: SimulatorChoices, out: Writer): Promise<RunningSimulator>;
  /** Serves what `sluice record` has kept. */
  startReplay(options: { file: Buffer; port: number; host: string }, out: Writer): Promise<RunningReplay>;
}

export interface SimulatorChoices {
  port: number;
  host: string;
  seed: number;
  detections: number;
  instaQueries: number;
  resultsPerQuery: number;
  retrievedFiles: number;
  giantResults: number;
  /** How many records the other resources have, by name. */
  items: Record<string, number>;
  /** Trend Micro Apex Central, served beside. */
  apex: { applicationId: string; apiKey: string; footprints: number };
  tenantId: string;
  applicationId: string;
  applicationSecret: string;
  scopes?: string[];
  latencyMs: number;
  plantSecrets: boolean;
  /** Also the forms that public clients do not expect. */
  oddForms?: boolean;
  endTime?: string;
  spanDays?: number;
  tls?: { cert: string; key: string };
  faults?: never;
  living?: Record<string, number>;
}

interface RunningReplay {
  url: string;
  at: string;
  sources: { name: string; connector: string; streams: string[] }[];
  oldest: string | undefined;
  missing(): string[];
  close(): Promise<void>;
}

interface RunningSimulator {
  url: string;
  range: { start: string; end: string };
  close(): Promise<void>;
}
