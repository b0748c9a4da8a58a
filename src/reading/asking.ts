/** Asks for the pages of one pass, several at a time where that is allowed; they are handed on in their order. */
import type { Validators } from '../api/client.ts';
import type { List, ListReply, PageQuery } from './list.ts';

interface SeenPage {
  keys: string[];
  total: number | undefined;
  pageSize: number;
}

/** Pages of a pass. */
export interface PagesSeen {
  /** By the digest of their body. */
  pages: Map<string, SeenPage>;
  /** What was said of each, by its number. */
  said: Map<number, Validators>;
}

export interface AskedPage {
  query: PageQuery;
  reply: Promise<ListReply>;
  /** The page of the pass before that has the same body; known once there is a reply. */
  same: SeenPage | undefined;
}

interface Asking {
  /** So many pages of this size there will be, as far as is known. */
  expect(pageSize: number, pages: number): void;
  /** The page, and those behind it that may be asked for at the same time. */
  ask(page: number, pageSize: number): AskedPage;
}

/** `before`: the pass before, whose pages need not be parsed again. What is asked for and not needed any more is dropped. */
export function openAsking(list: List, before: PagesSeen | undefined, atOnce = 1): Asking {
  const asked = new Map<number, AskedPage>();
  let expected = { pageSize: 0, pages: 0 };
  const begin = (page: number, pageSize: number): AskedPage => {
    const mine = { same: undefined } as AskedPage;
    const recognise = (digest: string): ListReply | undefined => {
      mine.same = before?.pages.get(digest);
      return mine.same && { ...mine.same, records: [] };
    };
    mine.query = { page, pageSize, recognise, unless: before?.said.get(page) };
    mine.reply = list.list(page === 1 ? { ...mine.query, retry: 'few' } : mine.query);
    mine.reply.catch(() => {}); // thrown where it is awaited, if it still is
    asked.set(page, mine);
    return mine;
  };
  return {
    expect(pageSize, pages) {
      expected = { pageSize, pages };
    },
    ask(page, pageSize) {
      const early = asked.get(page);
      const mine = early?.query.pageSize === pageSize ? early : begin(page, pageSize);
      const last = expected.pageSize === pageSize ? Math.min(expected.pages, page + atOnce - 1) : page;
      for (let next = page + 1; next <= last; next++) if (!asked.has(next)) begin(next, pageSize);
      asked.delete(page);
      return mine;
    },
  };
}
