/** A connector opens the connection to one tenant of a vendor. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { VendorClient } from './client.ts';
import type { SourceFacts } from './document.ts';
import type { SluiceError } from './errors.ts';
import type { HttpClient, HttpReply, HttpStreamer } from './http.ts';

/** What opens a connection to one tenant. `settings` are what its `config` made of the keys of a source. */
export interface Connector {
  readonly name: string;
  readonly config: ConnectorConfig;
  facts(settings: SourceSettings): SourceFacts;
  open(settings: SourceSettings, services: ConnectorServices): VendorClient;
}

/** How a source of this connector is configured. */
export interface ConnectorConfig<Keys extends z.ZodRawShape = z.ZodRawShape, Settings = SourceSettings> {
  /** The keys of a source that belong to this connector (`connector: z.literal(name)` among them), each with its description. */
  readonly keys: Keys;
  /** Which of them holds what requests are signed with: `${NAME}` or `file:`. */
  readonly secret: string;
  /** Valid keys as the connector reads them; `secretOf` makes a function of a reference that reads it anew at each call. */
  settings(
    raw: z.output<z.ZodObject<Keys>>,
    secretOf: (reference: string) => () => string,
  ): Omit<Settings, 'name' | 'connector' | 'keepOriginal'>;
}

/** A source of the config: what every connector has. Each adds what its own keys say. */
export interface SourceSettings {
  name: string;
  connector: string;
  tenantId: string;
  consoleUrl?: string;
  keepOriginal: boolean;
}

export interface ConnectorServices {
  http: HttpClient;
  stream: HttpStreamer;
  /** Told whatever is sent that opens doors; takes it out of what comes back. */
  secrets: SourceSecrets;
  retry: RetrySettings;
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds that the process lived through (`lived-time.ts`): what deadlines go by. */
  lived?: () => number;
  /** Where it is noted what is refused and waited for. */
  refusals?: Refusals;
}

export interface SourceSecrets {
  /** The last ones are remembered. */
  protect(secret: string): void;
  /** What was read from a reply, without secrets that the reply repeats. */
  unechoed<T>(reply: Pick<HttpReply, 'headers' | 'body'>, content: T): T;
  /** The same for a reply that is read part by part: `read` makes the parts of its body. */
  unechoedParts<Rest>(
    reply: { headers: HttpReply['headers']; body: AsyncIterable<Buffer> },
    read: (body: AsyncIterable<Buffer>, clean: <T>(content: T) => T) => AsyncGenerator<unknown[], Rest>,
  ): AsyncGenerator<unknown[], Rest>;
}

export interface RefusalTrouble {
  reason: string;
  advice: string | undefined;
  lastsMs: number;
  /** Nobody is let in, or an hour of nothing but 403s: a person has to look. */
  isFailing: boolean;
}

export interface Refusals {
  /** How often what was asked is refused or fails, by the status of the answer; `none` without an answer. */
  readonly counts: ReadonlyMap<string, number>;
  count(error: SluiceError): void;
  /** This route, or the whole source, waits. */
  waits(route: string, error: SluiceError): void;
  /** It was answered. */
  answered(route: string): void;
  /** For how long it has been waiting; undefined when it is not. */
  lastsMs(route: string): number | undefined;
  /** For how long there has been nothing but 403s. */
  forbiddenMs(route: string): number;
  /** What holds up whoever asks these routes, the longest first. */
  troubles(routes: Iterable<string>): RefusalTrouble[];
}

export interface RetrySettings {
  /** No attempt begins later than this after the first; milliseconds. */
  deadlineMs: number;
  /** Upper bound of the first pause; it doubles with every attempt. */
  firstDelayMs: number;
  maxDelayMs: number;
}
