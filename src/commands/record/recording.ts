/**
 * What a vendor answered, disguised as it comes: the items of lists, each as it was last, and every other reply by what was
 * asked. Nothing of a reply is kept as it was.
 */
import type { HttpRequest } from '../../api/http.ts';
import { createDisguise, type Disguise } from './disguise.ts';
import { createList, type KeptList, listReplyOf } from './lists.ts';
import { folded } from './words.ts';

interface Reply {
  method: string;
  path: string;
  query: string;
  body?: unknown;
  status: number;
  reply: unknown;
}

/** A list by its path, and what tells it from others of that path. */
interface List {
  path: string;
  query: string;
  kept: KeptList;
}

export interface Recording {
  /** `body` is the reply. */
  add(source: string, request: Pick<HttpRequest, 'method' | 'url' | 'body'>, status: number, body: Buffer): void;
  /** The lines of the file, behind the first. */
  lines(): Generator<Record<string, unknown>>;
  counts(): { requests: number; items: number; replies: number; bytes: number; statuses: Record<string, number> };
  kept: Disguise['kept'];
}

/** Parameters that choose a part of a list. */
const CHOOSING = new Set(['start', 'end', 'since', 'page', 'pagesize', 'sort', 'severity', 'status', 'detectiontype']);
/** More is not kept in memory, or sent with a report. */
const MOST_BYTES = 256 * 1024 * 1024;

interface Tools {
  /** What sources are called in the recording, by their names. */
  names: ReadonlyMap<string, string>;
  /** Parts of paths that are no ids. */
  words: ReadonlySet<string>;
  /** Members that hold secrets, beside those that always do. */
  secrets: readonly string[];
  /** Takes known secrets out of a text that would be kept as it is. */
  scrub: (text: string) => string;
}

export function createRecording({ names, words, secrets, scrub }: Tools): Recording {
  const disguise = createDisguise({ scrub, secrets });
  const lists = new Map<string, List>();
  const replies = new Map<string, Reply>();
  const statuses: Record<string, number> = {};
  let requests = 0;
  let bytes = 0;

  const clean = (value: unknown) => disguise.json(value);
  const pathOf = (path: string, source: string): string => {
    const parts = path.split('/').map((part) => {
      const plain = decoded(part);
      return words.has(plain.toLowerCase()) ? part : encodeURIComponent(disguise.text(plain));
    });
    return `/${source}${parts.join('/')}`;
  };
  const queryOf = (params: URLSearchParams, isChosen: (name: string) => boolean): string => {
    const pairs = [...params].filter(([name]) => isChosen(folded(name)));
    return new URLSearchParams(
      pairs.map(([name, value]) => [name, disguise.text(value, name)] as [string, string]).sort(),
    ).toString();
  };

  return {
    add(source, { method, url, body: asked }, status, body) {
      const known = names.get(source);
      if (known === undefined) return;
      requests++;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (bytes > MOST_BYTES || (status >= 400 && status !== 404)) return;
      const raw = parsed(body.toString('utf8'));
      if (raw === undefined && status < 400) return;
      if (isToken(raw)) return;
      const { pathname, searchParams } = new URL(url);
      const path = pathOf(pathname, known);
      const shown = status < 400 && method === 'GET' ? listReplyOf(raw) : undefined;
      if (shown !== undefined) {
        const query = queryOf(searchParams, (name) => !CHOOSING.has(name));
        const list = lists.get(`${path}?${query}`) ?? { path, query, kept: createList() };
        lists.set(`${path}?${query}`, list);
        const isTimed = searchParams.has('start') || searchParams.has('end') || searchParams.has('since');
        list.kept.add(Number(searchParams.get('page') ?? 1), isTimed, shown.items.map(clean), shown.pages);
        return;
      }
      const query = queryOf(searchParams, () => true);
      const sent = asked === undefined ? undefined : clean(parsed(asked) ?? {});
      const key = JSON.stringify([method, path, query, sent]);
      if (status === 404 && replies.has(key)) return;
      const reply = status === 404 ? { message: 'not found' } : clean(raw);
      bytes += replies.has(key) ? 0 : JSON.stringify(reply).length;
      replies.set(key, { method, path, query, body: sent, status, reply });
    },
    *lines() {
      for (const { path, query, kept } of lists.values()) {
        yield { list: path, query };
        for (const item of kept.items()) yield { list: path, query, item };
      }
      for (const reply of replies.values()) yield { ...reply };
    },
    counts: () => {
      const items = [...lists.values()].reduce((sum, list) => sum + list.kept.items().length, 0);
      return { requests, items, replies: replies.size, bytes, statuses };
    },
    kept: disguise.kept,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** A reply that gives access is none that is kept. */
function isToken(reply: unknown): boolean {
  if (reply === null || typeof reply !== 'object') return false;
  return Object.keys(reply).some((name) => /token$/.test(folded(name)));
}
