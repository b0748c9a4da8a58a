import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { Draws } from '../hash.ts';
import type { ItemState } from '../resource.ts';

export type { ItemState } from '../resource.ts';

/** A path below one item, with a list that belongs to the item or with more about it. */
export interface Part {
  /** The part's name in fault plans and counters: `lockdown`. */
  name: string;
  /** The path, with `{id}` for the item: `/devicecommands/v2/{id}/lockdown`. */
  path: string;
  scope: string;
  /** The form of the item's id in this path; default: its own id. */
  idOf?(state: ItemState): string;
  /** Whether a state only counts as served when this part was served, too; default: always. */
  isNeeded?(state: ItemState): boolean;
  /** The vendor's answer for an id of another form; default: 404. */
  elsewhere?(id: string): Json | undefined;
  /** The whole reply; undefined: 404. Left out for a list in pages. */
  reply?(state: ItemState): Json | undefined;
  /** The items as served, for a list in pages. */
  items?(state: ItemState): Json[];
  /** The stream that reads the part, if one does; `records` has its records. */
  stream?: string;
  records?(state: ItemState): Json[];
  /** The id of a record, the same in all of its states. */
  idOfRecord?(record: Json): string;
}

/**
 * A resource with a list, and perhaps a detail for each item: one file of this folder and one line in `index.ts`. Lists,
 * details, parts, faults, counters, changes, deletions and the truth follow from it.
 */
export interface ListedResource {
  /** The name of the resource in the option `items`, in fault plans and counters: `packages`. */
  name: string;
  /** `cylance.package`. */
  stream: string;
  /** The number of items that the command serves by default. */
  usual: number;
  path: string;
  scope: string;
  /** The scope of `path/{id}`, if items have details; deletions can be noticed then. */
  detailScope?: string;
  /** The number of states of a changing item. 1: items never change. */
  states: number;
  /** The id of an item. Default: 32 hex digits in upper case. */
  idOf?(facts: Facts, index: number, draws: Draws): string;
  /** The item as the list shows it. */
  item(state: ItemState): Json;
  /** The item as its detail shows it; default: as the list does. */
  whole?(state: ItemState): Json;
  /** The item as its stream yields it; default: `whole`. */
  record?(state: ItemState): Json;
  /** Whether an item passes the parameters of the list; default: always. */
  isListed?(state: ItemState, params: URLSearchParams): boolean;
  parts?: readonly Part[];
}
