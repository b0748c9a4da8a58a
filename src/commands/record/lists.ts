/**
 * A list as a recording keeps it. One that is read by time is the union of what was shown, each record as it was last; any
 * other is what its last whole reading showed, page by page: several of its records may have one id.
 */
import { folded } from './words.ts';

export interface ShownPage {
  items: readonly unknown[];
  /** How many pages there are; undefined where the reply does not say. */
  pages: number | undefined;
}

export interface KeptList {
  add(page: number, isTimed: boolean, items: readonly unknown[], pages: number | undefined): void;
  items(): unknown[];
}

type Pages = Map<number, readonly unknown[]>;

export function createList(): KeptList {
  const timed = new Map<string, unknown>();
  let whole: Pages = new Map();
  let reading: Pages = new Map();
  let last = 1;
  const isWhole = () =>
    reading.size > 0 && Array.from({ length: last }, (_, at) => at + 1).every((at) => reading.has(at));
  return {
    add(page, isTimed, items, pages) {
      if (isTimed) {
        for (const item of items) timed.set(identityOf(item), item);
        return;
      }
      if (page === 1) {
        if (isWhole()) whole = reading;
        reading = new Map();
      }
      reading.set(page, items);
      last = pages ?? page;
    },
    items: () => {
      if (timed.size > 0) return [...timed.values()]; // a look at its first page is no reading
      return [...(isWhole() || whole.size === 0 ? reading : whole).values()].flat();
    },
  };
}

/** The reply as a list in the vendor's envelope; undefined for any other. */
export function listReplyOf(reply: unknown): ShownPage | undefined {
  if (reply === null || typeof reply !== 'object' || Array.isArray(reply)) return undefined;
  const member = (wanted: string) => Object.entries(reply).find(([name]) => folded(name) === wanted)?.[1];
  const items = member('pageitems');
  const pages = Number(member('totalpages') ?? Number.NaN);
  if (items !== null && !Array.isArray(items)) return undefined;
  return { items: items ?? [], pages: Number.isInteger(pages) ? Math.max(1, pages) : undefined };
}

/** By its id where it has one. */
function identityOf(item: unknown): string {
  const [, id] = Object.entries(item ?? {}).find(([name]) => folded(name) === 'id') ?? [];
  return typeof id === 'string' || typeof id === 'number' ? `id ${id}` : JSON.stringify(item);
}
