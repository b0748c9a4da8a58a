import type { Json } from '../artifacts.ts';
import { pageReply, selectionOf } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { Asked, Route, Site } from '../resource.ts';

/** An address that public clients read and no stream does, with its answer. Reading it never changes the state of an item. */
export interface Extra extends Route {
  answer(site: Site, asked: Asked): Reply;
}

/** A page of the items in the usual envelope. */
export function inPages(site: Site, { params }: Asked, endpoint: string, items: readonly Json[]): Reply {
  return pageReply(site, params, {
    endpoint,
    select: () => selectionOf([...items.keys()]),
    write: (index) => JSON.stringify(items[index]),
  });
}

/** The items of a resource, as its list shows them. */
export function itemsOf(site: Site, resource: string): Json[] {
  return site.presentOf(resource).map(({ item }) => item);
}

/** One object, or 404. */
export function whole(value: Json | undefined): Reply {
  return value === undefined ? errorReply(404, 'no such resource') : jsonReply(JSON.stringify(value));
}

/** Ids are compared without dashes and case, as clients rewrite them. */
export function isSameId(one: unknown, other: string): boolean {
  return bare(String(one)) === bare(other);
}

function bare(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}
