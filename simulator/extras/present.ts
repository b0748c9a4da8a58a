import type { Json } from '../artifacts.ts';
import { itemOf, wholeOf } from '../listed/collection.ts';
import type { Place } from '../listed/resource.ts';
import type { World } from '../world.ts';

/** The things of a kind in their present state, newest first; looking at them serves nothing. */

export interface Present {
  place: Place;
  /** As the list shows it. */
  item: Json;
  /** As its own page shows it. */
  whole: Json;
}

export function present({ shelves }: World, name: string): Present[] {
  const shelf = shelves.find(({ thing }) => thing.name === name);
  if (shelf === undefined) throw new Error(`the simulator has no ${name}`);
  return shelf.listed(new URLSearchParams()).map((index) => {
    const place = shelf.place(index);
    return { place, item: itemOf(shelf.thing, place), whole: wholeOf(shelf.thing, place) };
  });
}

export function itemsOf(world: World, name: string): Json[] {
  return present(world, name).map(({ item }) => item);
}

/** Ids are compared without dashes and case, as clients rewrite them. */
export function isSameId(one: unknown, other: string): boolean {
  return bare(String(one)) === bare(other);
}

function bare(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}
