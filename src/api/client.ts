/** How a stream asks its vendor. */

import type { Json } from './document.ts';

/** A request to a vendor, relative to the source's base URL. */
export interface VendorRequest<T = unknown> {
  path: string;
  query?: Record<string, string | number | readonly string[] | undefined>;
  /** Sent as JSON, where the vendor reads with a body. Only for calls that change nothing: they are repeated. */
  body?: { [member: string]: Json };
  /** Calls of one kind, which are held together when one is refused: the path before ids stood in it, as in `about.endpoints`. */
  route: string;
  /** The call was allowed before: a refusal is waited for. */
  wasAllowed?: boolean;
  /** The permission that the call needs: named in the error when the vendor refuses it. Empty where the vendor has none. */
  scope: string;
  /** `live` goes before `backfill` wherever both wait for the source's rate budget. */
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Checks and converts the parsed reply, of so many bytes; what it throws with action `retry` is retried like a failed request. */
  accept: (reply: unknown, bytes?: number) => T;
  /** The order of members says something: `memberOrder` knows it. */
  ordered?: boolean;
  /** What a body that is no JSON stands for; undefined, or left out: it is garbled, and asked for again. */
  unparsed?: (body: string) => T | undefined;
  /** Called with the digest of the body before it is parsed; a result other than undefined is the reply. */
  recognise?: (digest: string) => T | undefined;
  /** The memory that its reply may take; the engine adds it, and a connector hands it on with what it sends. */
  room?: Room;
  /** `patient` waits for a vendor that is down; `brief` gives up on one record while others can be had; `few` gives up soon. */
  retry?: 'patient' | 'brief' | 'few';
}

/** A reply that holds one array, which may be too long to be held whole. */
export interface LongRequest extends Omit<VendorRequest<void>, 'accept' | 'recognise' | 'unparsed' | 'ordered'> {
  /** Names of the array's member, in any casing. */
  member: string;
  /** Checks what stands before the array; called before the first part. Throws for another reply than the expected one. */
  begin: (members: Record<string, unknown>) => void;
  /** The same for all other members, once the whole reply is read. */
  accept: (rest: Record<string, unknown>) => void;
}

/** A connector's connection to one tenant: authentication, rate budget and retries are inside. */
export interface VendorClient {
  /** The accepted reply of one read. Throws a `SluiceError` that carries its action. */
  json<T>(request: VendorRequest<T>): Promise<T>;
  /**
   * The items of a reply's array, in parts, as they come. Retries are inside only until the reply begins; when it breaks
   * off or turns out garbled, this throws `retry` after some parts were handed out.
   */
  parts(request: LongRequest): AsyncIterable<unknown[]>;
  /** Proves who asks (gets a token, or makes a cheap call), or throws: what `sluice check` shows as the first line of a source. */
  authenticate(signal: AbortSignal): Promise<void>;
}

/** What one reply, and what is parsed from it, takes. */
export interface Room {
  /** Resolves when there is room to read a reply of so many bytes. Rejects when the signal aborts. */
  need(bytes: number, signal: AbortSignal): Promise<void> | undefined;
  /**
   * Now that all of it is there: the same for what is parsed from it. Resolves to how much that takes where there cannot be
   * so much.
   */
  weigh(body: Buffer, signal: AbortSignal): Promise<number | undefined> | undefined;
  /** Bytes of one piece of a reply, for which there is room whatever they are. */
  readonly most: number;
  release(): void;
}
