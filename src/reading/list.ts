/** A list of a vendor, page by page. */
import type { Validators, VendorRequest } from '../api/client.ts';

/** A list reply, checked by the connector. */
export interface ListReply {
  records: unknown[];
  /** The vendor's own count; undefined where it gives none. */
  total: number | undefined;
  /** The page size that the vendor used, which may be smaller than the requested one. */
  pageSize: number;
  /** The digest of the reply's body: the same digest means the same records. */
  digest?: string;
  /** What the page can be asked for by if it has changed. */
  validators?: Validators;
  /** The list may have more records than the vendor says: it never settles. */
  mayBeIncomplete?: boolean;
  /** The records come from several replies, between which the list may have changed. */
  joined?: boolean;
}

export interface PageQuery {
  page: number;
  pageSize: number;
  /** Returns the reply with this digest if it is known, so that its body need not be parsed. */
  recognise?: (digest: string) => ListReply | undefined;
  /** What was said of the page when it was read before. */
  unless?: Validators;
  /** How long the request is retried; the connector's default if left out. */
  retry?: VendorRequest['retry'];
}

export interface List {
  /** One page. Throws `walk-again` for a page past the end. */
  list(query: PageQuery): Promise<ListReply>;
  key(record: unknown): string;
}
