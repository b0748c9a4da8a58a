import type { Due } from './fault-engine.ts';

/** The envelope of a list reply, with the faults that it can have. */
export interface Envelope {
  page: number;
  pageSize: number;
  total: number;
  items: string[];
  /** The item before this page's first, for the fault that repeats it. */
  previous?: string;
}

function write(page: number, pageSize: number, total: number, items: string[] | undefined): string {
  const pages = Math.ceil(total / pageSize);
  const head = `{"page_number":${page},"page_size":${pageSize},"total_pages":${pages},"total_number_of_items":${total}`;
  return items ? `${head},"page_items":[${items.join(',')}]}` : `${head}}`;
}

/** The total that a moving tenant would show: off by a different amount at every turn, never the true one. */
function movedTotal(total: number, due: Due): number {
  const by = Math.max(1, due.rule.by ?? 1);
  const away = (due.turn % by) + 1;
  return due.turn % 2 === 0 ? total + away : Math.max(0, total - away);
}

export function writeEnvelope({ page, pageSize, total, items, previous }: Envelope, due?: Due): string {
  switch (due?.rule.fault) {
    case 'moving-totals':
      return write(page, pageSize, movedTotal(total, due), items);
    case 'missing-items':
      return write(page, pageSize, total, undefined);
    case 'wrong-page-number':
      return write(page + 1, pageSize, total, items);
    case 'empty-items':
      return write(page, pageSize, total, []);
    case 'empty-index':
      return write(page, pageSize, 0, []);
    case 'duplicate-items':
      return write(page, pageSize, total, [previous ?? items[1] ?? items[0] ?? '{}', ...items.slice(1)]);
    default:
      return write(page, pageSize, total, items);
  }
}
