import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { Draws } from '../hash.ts';
import type { ItemState } from '../resource.ts';

export type { ItemState } from '../resource.ts';

/** Something that is served for one item on a path of its own: what belongs to it, or more about it. */
export interface Part {
  /** Its name in fault plans and counters: `lockdown`. */
  name: string;
  /** With `{id}` for the item: `/devicecommands/v2/{id}/lockdown`. */
  path: string;
  scope: string;
  /** The item's id as this path takes it; default: its own id. */
  idOf?(state: ItemState): string;
  /** Whether a state is only known when this was served, too; default: always. */
  isNeeded?(state: ItemState): boolean;
  /** What the vendor answers for an id of another form; default: 404. */
  elsewhere?(id: string): Json | undefined;
  /** The whole reply; undefined: 404. Left out for a list in pages. */
  reply?(state: ItemState): Json | undefined;
  /** For a list in pages: its items as they are served. */
  items?(state: ItemState): Json[];
  /** Where the part is what a stream reads: its name, and the records as the stream hands them on. */
  stream?: string;
  records?(state: ItemState): Json[];
  /** What a record keeps for good, so that its later states are told from other records. */
  idOfRecord?(record: Json): string;
}

/**
 * A resource that is a list, and perhaps a page for each item: one file of this folder and one line in `index.ts`. Lists,
 * pages by id, parts, faults, counters, changes, deletions and the truth follow from it.
 */
export interface ListedResource {
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
  item(state: ItemState): Json;
  /** As its own page shows it; default: as the list does. */
  whole?(state: ItemState): Json;
  /** As its stream hands it on; default: `whole`. */
  record?(state: ItemState): Json;
  /** What the parameters of the list leave in; default: everything. */
  isListed?(state: ItemState, params: URLSearchParams): boolean;
  parts?: readonly Part[];
}
