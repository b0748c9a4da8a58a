import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { Draws } from '../hash.ts';
import type { Secrets } from '../secrets.ts';

/** One thing in one of its states: all that its texts are made from. */
export interface Place {
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

/** Something that is served for one thing on a path of its own: what belongs to it, or more about it. */
export interface Part {
  /** Its name in fault plans and counters: `lockdown`. */
  name: string;
  /** With `{id}` for the thing: `/devicecommands/v2/{id}/lockdown`. */
  path: string;
  scope: string;
  /** The thing's id as this path takes it; default: its own id. */
  idOf?(place: Place): string;
  /** Whether a state is only known when this was served, too; default: always. */
  isNeeded?(place: Place): boolean;
  /** What the vendor answers for an id of another form; default: 404. */
  elsewhere?(id: string): Json | undefined;
  /** The whole reply; undefined: 404. Left out for a list in pages. */
  reply?(place: Place): Json | undefined;
  /** For a list in pages: its items as they are served. */
  items?(place: Place): Json[];
  /** Where the part is what a stream reads: its name, and the records as the stream hands them on. */
  stream?: string;
  records?(place: Place): Json[];
  /** What a record keeps for good, so that its later states are told from other records. */
  idOfRecord?(record: Json): string;
}

/**
 * A kind of thing that the vendor lists: one file of this folder and one line in `index.ts`. Lists, pages by id, parts,
 * faults, counters, changes, deletions and the truth follow from it.
 */
export interface Thing {
  /** The option that says how many there are, and the list's name in fault plans and counters: `packages`. */
  name: string;
  /** `cylance.package`. */
  stream: string;
  /** How many there are unless the option says something else. */
  usual: number;
  path: string;
  scope: string;
  /** The scope of `path/{id}`, where each has a page of its own; then a deletion is noticed. */
  detailScope?: string;
  /** Through how many states a changing one goes. 1: they never change. */
  states: number;
  /** Default: 32 hex digits in upper case. */
  idOf?(facts: Facts, index: number, draws: Draws): string;
  /** As the list shows it. */
  item(place: Place): Json;
  /** As its own page shows it; default: as the list does. */
  whole?(place: Place): Json;
  /** As its stream hands it on; default: `whole`. */
  record?(place: Place): Json;
  /** What the parameters of the list leave in; default: everything. */
  isListed?(place: Place, params: URLSearchParams): boolean;
  parts?: readonly Part[];
}
