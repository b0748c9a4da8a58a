/** The HTTP client of connectors and sinks. */
import type { Room } from './client.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Called when it is the request's turn: true when the request must not be sent any more (`backoff.ts`). */
  isHeld?: () => boolean;
  /** Taken from the `VendorRequest` that this request is sent for. */
  room?: Room;
}

export interface HttpReply {
  status: number;
  headers: { get(name: string): string | null };
  body: Buffer;
}

/** One request within the source's rate limit, with timeouts and a bounded body. Retries are in `retry-policy.ts`. */
export type HttpClient = (request: HttpRequest) => Promise<HttpReply>;

export interface HttpStream {
  status: number;
  headers: { get(name: string): string | null };
  /** Must be read to its end or given up (`return`). */
  body: AsyncIterable<Buffer>;
  /** The most bytes of one item, and of everything beside the items (`http.max_body`). */
  mostBytes: number;
}

/**
 * One request whose reply body may have any length and is read as it arrives. The timeout is for each MiB, without the time
 * in which the reader does not ask for more. The request leaves the rate limit when its reply begins, so that a slow sink
 * does not hold up other requests.
 */
export type HttpStreamer = (request: HttpRequest) => Promise<HttpStream>;
