import type { Json } from '../artifacts.ts';
import { pageReply } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';

/** What public clients ask for and no stream reads: an address, and what it answers. It never moves anything on. */
export interface Extra {
  /** In fault plans and counters. */
  name: string;
  /** With `{id}` where the argument stands. */
  path: string;
  scope: string;
  /** Default: `GET`. With `POST` the answer gets the body. */
  method?: 'POST';
  answer(world: World, asked: Asked): Reply;
}

export interface Asked {
  argument: string;
  params: URLSearchParams;
  body: string;
}

/** A page of these in the usual envelope. */
export function inPages(world: World, { params }: Asked, name: string, items: readonly Json[]): Reply {
  const indexes = items.map((_, index) => index);
  return pageReply(world, params, { endpoint: name, indexes, write: (index) => JSON.stringify(items[index]) });
}

/** One object, or 404. */
export function whole(value: Json | undefined): Reply {
  return value === undefined ? errorReply(404, 'no such resource') : jsonReply(JSON.stringify(value));
}
