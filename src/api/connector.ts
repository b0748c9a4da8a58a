/** A connector opens the connection to one tenant of a vendor. */
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { VendorClient } from './client.ts';
import type { SourceFacts } from './document.ts';
import type { SluiceError } from './errors.ts';
import type { HttpClient, HttpReply, HttpStreamer } from './http.ts';
import type { CheckLine } from './sink.ts';

/** Opens connections to tenants. `settings` is what its `config` made of the keys of a source. */
export interface Connector {
  readonly name: string;
  readonly config: ConnectorConfig;
  facts(settings: SourceSettings): SourceFacts;
  open(settings: SourceSettings, services: ConnectorServices): VendorClient;
  /** For `sluice check`: what the settings tell without a request, such as two that cannot both be right. */
  check?(settings: SourceSettings): CheckLine[];
}

/** How a source of this connector is configured. */
export interface ConnectorConfig<Keys extends z.ZodRawShape = z.ZodRawShape, Settings = SourceSettings> {
  /** The keys of a source that belong to this connector (`connector: z.literal(name)` among them), each with its description. */
  readonly keys: Keys;
  /** The key that holds the secret of a source, as `${NAME}` or `file:`. */
  readonly secret: string;
  /** Valid keys as the connector reads them; `secretOf` makes a function of a reference that reads it anew at each call. */
  settings(
    raw: z.output<z.ZodObject<Keys>>,
    secretOf: (reference: string) => () => string,
  ): Omit<Settings, 'name' | 'connector' | 'keepOriginal'>;
}

/** The settings that a source has whatever its connector; each connector adds its own. */
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
  /** Told each credential that is sent; removes it from replies. */
  secrets: SourceSecrets;
  retry: RetrySettings;
  log: Logger;
  /** Epoch milliseconds. */
  now: () => number;
  /** Milliseconds in which the process was running (`lived-time.ts`): deadlines are measured with it. */
  lived?: () => number;
  /** Records which routes are refused, and for how long. */
  refusals?: Refusals;
}

export interface SourceSecrets {
  /** Keeps this secret out of logs and records; the most recent secrets are remembered. */
  protect(secret: string): void;
  /** The content of a reply without the secrets that the reply repeats. */
  unechoed<T>(reply: Pick<HttpReply, 'headers' | 'body'>, content: T): T;
  /** The parts of a reply, without secrets that it repeats: `read` makes the parts from its body. */
  unechoedParts<Rest>(
    reply: { headers: HttpReply['headers']; body: AsyncIterable<Buffer> },
    read: (body: AsyncIterable<Buffer>, clean: <T>(content: T) => T) => AsyncGenerator<unknown[], Rest>,
  ): AsyncGenerator<unknown[], Rest>;
}

export interface RefusalTrouble {
  reason: string;
  advice: string | undefined;
  lastsMs: number;
  /** The HTTP status of the last refusal, if there was an answer. */
  status: number | undefined;
  /** The vendor rejects the credentials, or has answered with nothing but 403 for an hour: a person has to look. */
  isFailing: boolean;
}

export interface Refusals {
  /** The number of refused and failed requests by HTTP status; `none` for requests without an answer. */
  readonly counts: ReadonlyMap<string, number>;
  count(error: SluiceError): void;
  /** Records that the route, or the whole source, waits because of the error. */
  waits(route: string, error: SluiceError): void;
  /** Records that a request of the route was answered. */
  answered(route: string): void;
  /** How long the route has been waiting; undefined when it is not waiting. */
  lastsMs(route: string): number | undefined;
  /** How long the route has been answered with nothing but 403. */
  forbiddenMs(route: string): number;
  /** The refusals that hold up these routes, the longest first. */
  troubles(routes: Iterable<string>): RefusalTrouble[];
}

export interface RetrySettings {
  /** No attempt begins later than this after the first one; milliseconds. */
  deadlineMs: number;
  /** Upper bound of the first pause; it doubles with every attempt. */
  firstDelayMs: number;
  maxDelayMs: number;
}
