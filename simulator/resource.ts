import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from './artifacts.ts';
import type { Facts } from './attributes.ts';
import type { FaultEngine } from './fault-engine.ts';
import type { Draws } from './hash.ts';
import type { Reply } from './reply.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';
import type { Tokens } from './tokens.ts';

/**
 * The types that everything in the simulator is made of. A resource is fixed: its addresses and streams. Its collection holds
 * the items of one tenant; an item is in one state at a time, and the lifecycle moves it on to the next.
 */

export interface Route {
  /** The name in fault plans and counters: `packages`, `packages/{id}`. */
  endpoint: string;
  /** The path, with `{id}` for the argument. */
  path: string;
  /** The scope that the endpoint requires; left out if the answer checks the access itself. */
  scope?: string;
  /** Default: `GET`. */
  method?: 'POST' | 'PUT';
  /** Clients write the path in upper and lower case. */
  anyCase?: boolean;
}

/** A request that reached its endpoint. */
export interface Asked {
  /** The text in the path in place of `{id}`. */
  argument: string;
  params: URLSearchParams;
  method: string;
  /** Path and query as in the request. */
  url: string;
  headers: IncomingHttpHeaders;
  /** Empty for a GET. */
  body: Buffer;
}

/** One revision that a perfect connector delivers; its record is JSON, exactly what the API serves in that state. */
export interface Revision {
  id: string;
  /** From 1, for each id. */
  ordinal: number;
  /** `list`: there is only the list item. `deleted`: the item was deleted, and there is no record. */
  kind: 'detail' | 'list' | 'deleted';
  json: string;
}

export interface TruthRange {
  /** Occurrence times in milliseconds: at or after `since`, before `until`. */
  since?: number;
  until?: number;
}

export interface Totals {
  /** The number of items, including deleted ones. */
  records: number;
  /** The number of their revisions so far. */
  revisions: number;
  deleted: number;
  /** The number of items whose detail fails for ever. */
  listOnly: number;
}

/** The revisions that a perfect connector delivers for one stream. */
export interface StreamTruth {
  /** Only detections look at the range. */
  rows(range?: TruthRange): Generator<Revision>;
  /** Counted without making the records if possible: cheap enough to call often. */
  totals(): Totals;
}

/** The number of pending changes, by the reason why they wait. */
export interface Waiting {
  /** An arrival, or a deletion before the item is served. */
  event: number;
  /** The present state has not been served whole. */
  serving: number;
  /** The state has been served, but has not lasted long enough. */
  dwell: number;
  /** The state has lasted long enough, but its delivery has not been confirmed. */
  confirmation: number;
}

/** How the items of a collection go from state to state. */
export interface Lifecycle {
  requestDone(): void;
  pause(): void;
  resume(): void;
  /** Changes still to come. */
  pending(): number;
  waitingFor(): Waiting;
  /** The number of items whose present state has not been served whole. */
  unserved(): number;
  close(): void;
}

/** One item in one of its states: the input of the functions that write it. */
export interface ItemState {
  facts: Facts;
  index: number;
  /** The number of items of the resource. */
  count: number;
  /** The number of the state: 0 for the first; only changing items have more. */
  step: number;
  id: string;
  /** A time within the tenant's span, epoch milliseconds: the first item is the oldest. */
  time: number;
  /** Random draws for one topic: the same at every call and in every state. */
  draws(topic: string): Draws;
  /** Secrets of one topic, if the tenant has planted secrets; each topic has its own. */
  secrets(topic: string): Secrets;
}

/** An item in its present state. */
export interface Present {
  state: ItemState;
  /** The item as the list shows it. */
  item: Json;
  /** The item as its detail shows it. */
  whole: Json;
}

/** The items of a resource in one tenant. */
export interface Collection {
  /** The truth of each stream, by its name. */
  truth: Readonly<Record<string, StreamTruth>>;
  /** Left out if items never change. */
  lifecycle?: Lifecycle;
  /** Confirms that a revision was delivered. False if no item has that id. */
  confirm?(id: string, ordinal: number): boolean;
  /** What was served of an item; undefined if no item has that id. */
  served?(id: string): Served | undefined;
  /** All items, newest first; they do not count as served. */
  present?(): Present[];
}

export interface Served {
  listed: boolean;
  presentState: boolean;
  deleted: boolean;
}

/** The tenant that a collection belongs to. */
export interface Site {
  settings: Settings;
  facts: Facts;
  faults: FaultEngine;
  tokens: Tokens;
  /** The items of another resource. */
  presentOf(resource: string): Present[];
}

export type Answer = (asked: Asked) => Reply;

/** A collection with its answers, by the name of the endpoint. */
export interface OpenCollection extends Collection {
  answers: Readonly<Record<string, Answer>>;
}

/** A resource that the simulator serves. Only `resources.ts` knows it by its name. */
export interface Resource {
  /** `packages`; with `usual`, also the name in the option `items`. */
  name: string;
  streams: readonly string[];
  routes: readonly Route[];
  /** The number of items that the command serves; left out if the resource has an option of its own. */
  usual?: number;
  open(site: Site): OpenCollection;
}

interface Definition<C extends Collection> extends Omit<Resource, 'open'> {
  routes: readonly (Route & { answer(collection: C, asked: Asked): Reply })[];
  create(site: Site): C;
}

/** Makes a resource from routes that each have their address and their answer. */
export function resource<C extends Collection>({ create, ...rest }: Definition<C>): Resource {
  const open = (site: Site): OpenCollection => {
    const collection = create(site);
    const answers = rest.routes.map(({ endpoint, answer }): [string, Answer] => [
      endpoint,
      (asked) => answer(collection, asked),
    ]);
    return { ...collection, answers: Object.fromEntries(answers) };
  };
  return { ...rest, open };
}
