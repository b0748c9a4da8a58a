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
 * What everything that the simulator serves consists of. A resource is fixed: its addresses and streams. Its collection
 * is what one tenant has of it; an item of it is in one state at a time, and the lifecycle moves it on to the next.
 */

export interface Route {
  /** In fault plans and counters: `packages`, `packages/{id}`. */
  endpoint: string;
  /** With `{id}` where the argument stands. */
  path: string;
  /** The scope that it takes; left out where the answer itself judges who may ask. */
  scope?: string;
  /** Default: `GET`. */
  method?: 'POST' | 'PUT';
  /** Clients write the path in upper and lower case. */
  anyCase?: boolean;
}

/** A request that reached its endpoint. */
export interface Asked {
  /** What stands in the path for `{id}`. */
  argument: string;
  params: URLSearchParams;
  method: string;
  /** Path and query as they stand in the request. */
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
  /** `list`: the list item is all there is. `deleted`: it vanished; no record. */
  kind: 'detail' | 'list' | 'deleted';
  json: string;
}

export interface TruthRange {
  /** Occurrence times in milliseconds: at or after `since`, before `until`. */
  since?: number;
  until?: number;
}

export interface Totals {
  /** How many items there are, or were. */
  records: number;
  /** How many revisions of them there were so far. */
  revisions: number;
  deleted: number;
  /** Of so many the detail fails for ever. */
  listOnly: number;
}

/** What a perfect connector delivers of one stream. */
export interface StreamTruth {
  /** Only detections look at the range. */
  rows(range?: TruthRange): Generator<Revision>;
  /** Without the records where it can be: cheap enough to ask for often. */
  totals(): Totals;
}

/** What the changes still to come are waiting for. */
export interface Waiting {
  /** An arrival, or a deletion that nobody is to see. */
  event: number;
  /** The present state has not been served whole. */
  serving: number;
  /** It has been served, but not for long enough. */
  dwell: number;
  /** It has dwelt, but its delivery has not been confirmed. */
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
  /** How many items there are whose present state nobody has been served whole. */
  unserved(): number;
  close(): void;
}

/** One item in one of its states: all that its texts are made from. */
export interface ItemState {
  facts: Facts;
  index: number;
  /** How many of its kind there are. */
  count: number;
  /** 0 is the state that it was born with; only changing ones go beyond. */
  step: number;
  id: string;
  /** A moment within the tenant's span, epoch milliseconds: the first of its kind is the oldest. */
  time: number;
  /** Randomness for one topic: the same at every call and in every state. */
  draws(topic: string): Draws;
  /** Planted where the tenant has them; another topic has others. */
  secrets(topic: string): Secrets;
}

/** An item in its present state. */
export interface Present {
  state: ItemState;
  /** As the list shows it. */
  item: Json;
  /** As its own page shows it. */
  whole: Json;
}

/** What one tenant has of a resource. */
export interface Collection {
  /** By the name of the stream. */
  truth: Readonly<Record<string, StreamTruth>>;
  /** Left out where nothing ever changes. */
  lifecycle?: Lifecycle;
  /** A revision was delivered. False: nothing has that id. */
  confirm?(id: string, ordinal: number): boolean;
  /** What was served of an item; undefined: nothing has that id. */
  served?(id: string): Served | undefined;
  /** All items, newest first; looking at them serves nothing. */
  present?(): Present[];
}

export interface Served {
  listed: boolean;
  presentState: boolean;
  deleted: boolean;
}

/** What a collection finds around it. */
export interface Site {
  settings: Settings;
  facts: Facts;
  faults: FaultEngine;
  tokens: Tokens;
  /** The items of another resource. */
  presentOf(resource: string): Present[];
}

export type Answer = (asked: Asked) => Reply;

/** A collection that answers requests, by the name of the endpoint. */
export interface OpenCollection extends Collection {
  answers: Readonly<Record<string, Answer>>;
}

/** Something that the simulator serves: found in `resources.ts`, and nowhere else by its name. */
export interface Resource {
  /** `packages`; where `usual` is said, also what the option `items` calls it. */
  name: string;
  streams: readonly string[];
  routes: readonly Route[];
  /** How many items the command serves; left out where an option of its own says it. */
  usual?: number;
  open(site: Site): OpenCollection;
}

interface Definition<C extends Collection> extends Omit<Resource, 'open'> {
  routes: readonly (Route & { answer(collection: C, asked: Asked): Reply })[];
  create(site: Site): C;
}

/** A resource whose routes say beside each address how its collection answers there. */
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
