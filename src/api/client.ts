/** How a stream sends requests to its vendor. */

import type { Json } from './document.ts';

/** A request to a vendor, relative to the source's base URL. */
export interface VendorRequest<T = unknown> {
  path: string;
  query?: Record<string, string | number | readonly string[] | undefined>;
  /** Sent as JSON, for vendors whose read calls need a body. Only for calls that change nothing at the vendor: requests are repeated. */
  body?: { [member: string]: Json };
  /** The path with placeholders instead of ids, as in `about.endpoints`. A refused request holds all requests of its route. */
  route: string;
  /** The vendor allowed this call before, so a refusal is taken as temporary. */
  wasAllowed?: boolean;
  /** The permission that the call needs: named in the error when the vendor refuses it. Empty where the vendor has none. */
  scope: string;
  /** `live` requests go before `backfill` requests when both wait for the source's rate limit. */
  priority: 'live' | 'backfill';
  signal: AbortSignal;
  /** Checks and converts the parsed reply; `bytes` is the body's size. An error with action `retry` is retried like a failed request. */
  accept: (reply: unknown, bytes?: number) => T;
  /** The order of members in the reply matters: `memberOrder` returns it. */
  ordered?: boolean;
  /** The reply that a body other than JSON stands for; without one the body counts as garbled and the request is repeated. */
  unparsed?: (body: string) => T | undefined;
  /**
   * Called with the digest of the body before the body is parsed, and with what the reply can be asked for by; a result
   * other than undefined is used as the reply.
   */
  recognise?: (digest: string, validators?: Validators) => T | undefined;
  /** How the same request was answered before: "not modified" (304) stands for that reply, which `recognise` must know. */
  unless?: Validators;
  /** The memory that the reply may take; the engine sets it, and a connector passes it on with its HTTP request. */
  room?: Room;
  /** `patient` waits for a vendor that is down; `brief` gives up on one record while others can be fetched; `few` gives up soon. */
  retry?: 'patient' | 'brief' | 'few';
}

/** What a vendor says of a reply, so that it can be asked for only if it has changed meanwhile. */
export interface Validators {
  /** Of its body. */
  digest: string;
  etag?: string;
  /** `Last-Modified`, where that is long enough ago to be sure. */
  modified?: string;
}

/** A request whose reply holds one array, which may be too long to be kept in memory as a whole. */
export interface LongRequest
  extends Omit<VendorRequest<void>, 'accept' | 'recognise' | 'unless' | 'unparsed' | 'ordered'> {
  /** Names of the array's member, in any casing. */
  member: string;
  /** Checks the members before the array; called before the first part. Throws for any other reply than the expected one. */
  begin: (members: Record<string, unknown>) => void;
  /** Checks all other members, once the whole reply is read. */
  accept: (rest: Record<string, unknown>) => void;
}

/** A connector's connection to one tenant: authentication, rate limit and retries are inside. */
export interface VendorClient {
  /** The accepted reply of one read. Throws a `SluiceError` that carries its action. */
  json<T>(request: VendorRequest<T>): Promise<T>;
  /**
   * The items of a reply's array, in parts, as they arrive. A request is retried only until its reply begins; a reply that
   * breaks off or is garbled makes this throw `retry`, perhaps after some parts were returned.
   */
  parts(request: LongRequest): AsyncIterable<unknown[]>;
  /** Proves that the credentials work (gets a token, or makes a cheap call), or throws. The first line of a source in `sluice check`. */
  authenticate(signal: AbortSignal): Promise<void>;
}

/** The memory for one reply and for the objects that are parsed from it. */
export interface Room {
  /** Resolves when there is memory to read a reply of so many bytes. Rejects when the signal aborts. */
  need(bytes: number, signal: AbortSignal): Promise<void> | undefined;
  /**
   * Once the whole body is read: resolves when there is memory for the objects that are parsed from it. Resolves to the
   * number of bytes that they need when this process can never have so much.
   */
  weigh(body: Buffer, signal: AbortSignal): Promise<number | undefined> | undefined;
  /** The size in bytes of one piece of a reply for which there is always memory, whatever the piece holds. */
  readonly most: number;
  release(): void;
}
