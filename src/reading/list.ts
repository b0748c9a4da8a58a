/** A list of a vendor, page by page. */
import type { VendorRequest } from '../api/client.ts';

/** A list reply, checked by the connector. */
export interface ListReply {
  records: unknown[];
  /** The vendor's own count; undefined where it gives none. */
  total: number | undefined;
  /** The page size that the vendor used, which may be smaller than the one that was asked for. */
  pageSize: number;
  /** Of the reply's body: the same digest means the same records. */
  digest?: string;
  /** Whether this is the whole list cannot be told: it never settles. */
  doubtful?: boolean;
  /** Joined from several replies, between which the list may have moved. */
  joined?: boolean;
}

export interface PageQuery {
  page: number;
  pageSize: number;
  /** Knows the reply by its digest, so that it need not be parsed. */
  recognise?: (digest: string) => ListReply | undefined;
  /** The retry policy; that of the connector where it is left out. */
  retry?: VendorRequest['retry'];
}

export interface List {
  /** One page. Throws `walk-again` for a page past the end. */
  list(query: PageQuery): Promise<ListReply>;
  key(record: unknown): string;
}
