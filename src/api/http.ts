/** How a connector, or a sink, speaks HTTP. */
import type { Room } from './client.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Asked when it is its turn: true where it is not to be sent any more (`backoff.ts`). */
  isHeld?: () => boolean;
  /** From the `VendorRequest` that it is sent for. */
  room?: Room;
}

export interface HttpReply {
  status: number;
  headers: { get(name: string): string | null };
  body: Buffer;
}

/** One request within the source's rate budget, with timeouts and a bounded body. No retries: `retry.ts` has them. */
export type HttpClient = (request: HttpRequest) => Promise<HttpReply>;

export interface HttpStream {
  status: number;
  headers: { get(name: string): string | null };
  /** To be read to its end or given up (`return`). */
  body: AsyncIterable<Buffer>;
  /** The most bytes of one item, and of everything beside the items (`http.max_body`). */
  mostBytes: number;
}

/**
 * The same with a body of any length, as it comes. The timeout is for each MiB of it, without the time in which nobody
 * wants more. The place in the budget is given back when the reply begins: a sink that is slow to take it must not stop
 * other requests.
 */
export type HttpStreamer = (request: HttpRequest) => Promise<HttpStream>;
