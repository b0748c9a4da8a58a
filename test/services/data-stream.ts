/** What a proof asks of a data stream: everything in it, over all of its backing indices, and a rollover in between. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { differences, idOf } from '../e2e/delivered.ts';

export const DATA_STREAM = 'logs-cylance.detection-acme';

export interface Hit {
  id: string;
  index: string;
  source: EcsDocument;
}

interface Scrolled {
  _scroll_id: string;
  hits: { hits: { _id: string; _index: string; _source: EcsDocument }[] };
}

export async function ask<T = Record<string, unknown>>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const reply = await fetch(url + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
  return (text === '' ? {} : JSON.parse(text)) as T;
}

const PAGE = 2000;

/** Every document of every backing index, page by page: a hundred thousand at once would not fit. */
export async function* allHits(url: string, dataStream = DATA_STREAM): AsyncGenerator<Hit> {
  await ask(url, 'POST', `/${dataStream}/_refresh`);
  const first = { size: PAGE, sort: ['_doc'] };
  let page = await ask<Scrolled>(url, 'POST', `/${dataStream}/_search?scroll=5m`, first);
  while (page.hits.hits.length > 0) {
    for (const { _id, _index, _source } of page.hits.hits) yield { id: _id, index: _index, source: _source };
    const scroll = { scroll: '5m', scroll_id: page._scroll_id };
    page = await ask<Scrolled>(url, 'POST', '/_search/scroll', scroll);
  }
  await ask(url, 'DELETE', '/_search/scroll', { scroll_id: page._scroll_id });
}

/** As soon as there is something to roll over: a bare core can neither make nor list data streams by request. */
export async function rollOver(url: string, limitMs = 30_000): Promise<void> {
  for (const deadline = Date.now() + limitMs; ; await sleep(100)) {
    const reply = await fetch(`${url}/${DATA_STREAM}/_rollover`, { method: 'POST' });
    const text = await reply.text();
    if (reply.ok) return;
    if (reply.status !== 404 && reply.status !== 400) throw new Error(`rollover: ${reply.status} ${text}`);
    if (Date.now() > deadline) throw new Error(`nothing to roll over: ${text}`);
  }
}

export interface Compared {
  documents: number;
  indices: number;
  /** Missing, doubled and surplus documents, and those whose id does not follow from what they say; nothing is right. */
  wrong: string[];
}

/** The whole data stream against what a perfect connector has delivered. `each` may look at every document. */
export async function compare(
  url: string,
  simulator: Simulator,
  each: (hit: Hit) => void = () => {},
  dataStream = DATA_STREAM,
): Promise<Compared> {
  const ids: string[] = [];
  const indices = new Set<string>();
  const foreign: string[] = [];
  for await (const hit of allHits(url, dataStream)) {
    ids.push(hit.id);
    indices.add(hit.index);
    if (idOf(hit.source) !== hit.id) foreign.push(`${hit.id} is not the id of what it holds`);
    each(hit);
  }
  return {
    documents: ids.length,
    indices: indices.size,
    wrong: [...differences(simulator, ids), ...foreign].slice(0, 50),
  };
}
