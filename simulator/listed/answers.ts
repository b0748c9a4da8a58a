import { pageReply } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { World } from '../world.ts';
import { itemOf, itemsOf, type Shelf, wholeOf } from './collection.ts';
import { THINGS } from './index.ts';
import type { Part } from './resource.ts';

/** The endpoints of all things, as functions from a request to a reply. */

interface ThingRoute {
  pattern: RegExp;
  /** `packages`, `packages/{id}`, or a part's name: in fault plans and counters, too. */
  endpoint: string;
  scope: string;
}

const ONE = '/{id}';

/** A path with `{id}` in it, as what recognises it. */
export function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('{id}', '([^/]+)')}$`);
}

/** Lists first: `/packages/v2/executions` is none of the packages. */
export const THING_ROUTES: readonly ThingRoute[] = [
  ...THINGS.map(({ name, path, scope }) => ({ pattern: patternOf(path), endpoint: name, scope })),
  ...THINGS.flatMap(({ parts = [] }) =>
    parts.map(({ name, path, scope }) => ({ pattern: patternOf(path), endpoint: name, scope })),
  ),
  ...THINGS.flatMap(({ name, path, detailScope }) =>
    detailScope === undefined ? [] : [{ pattern: patternOf(path + ONE), endpoint: name + ONE, scope: detailScope }],
  ),
];

/** A path of a thing, whatever stands behind it. */
export function isThingPath(path: string): boolean {
  return THINGS.some((thing) => path.startsWith(thing.path));
}

/** The reply for an endpoint of a thing; undefined when it is none. */
export function answerThing(
  world: World,
  endpoint: string,
  argument: string,
  params: URLSearchParams,
): Reply | undefined {
  for (const shelf of world.shelves) {
    const { thing } = shelf;
    if (endpoint === thing.name) return list(world, shelf, params);
    if (endpoint === thing.name + ONE) return one(shelf, argument);
    const part = thing.parts?.find(({ name }) => name === endpoint);
    if (part !== undefined) return partOf(world, shelf, part, argument, params);
  }
  return undefined;
}

function list(world: World, shelf: Shelf, params: URLSearchParams): Reply {
  const { thing, place } = shelf;
  return pageReply(world, params, {
    endpoint: thing.name,
    indexes: shelf.listed(params),
    write: (index) => JSON.stringify(itemOf(thing, place(index))),
    // Where each has a page of its own, a state is known when that was served.
    sent: (shown) => {
      const steps = shown.map((index) => [index, shelf.courses.stepOf(index)] as const);
      return () => {
        if (thing.detailScope !== undefined) return;
        for (const [index, step] of steps) shelf.served(index, step);
      };
    },
  });
}

function one(shelf: Shelf, id: string): Reply {
  const index = shelf.find(id);
  if (index === undefined || shelf.courses.isGone(index)) return errorReply(404, `no such resource`);
  const at = shelf.place(index);
  return jsonReply(JSON.stringify(wholeOf(shelf.thing, at)), () => shelf.served(index, at.step));
}

function partOf(world: World, shelf: Shelf, part: Part, id: string, params: URLSearchParams): Reply {
  const index = shelf.findFor(part, id);
  const wrong = index === undefined ? part.elsewhere?.(id) : undefined;
  if (wrong !== undefined) return jsonReply(JSON.stringify(wrong));
  if (index === undefined || shelf.courses.isGone(index)) return errorReply(404, 'no such resource');
  const at = shelf.place(index);
  const number = (shelf.thing.parts ?? []).indexOf(part) + 1;
  const done = () => shelf.served(index, at.step, number);
  if (part.items === undefined) {
    const reply = part.reply?.(at);
    return reply === undefined
      ? { ...errorReply(404, 'no such resource'), sent: done }
      : jsonReply(JSON.stringify(reply), done);
  }
  const items = itemsOf(part, at);
  const last = items.length - 1;
  return pageReply(world, params, {
    endpoint: part.name,
    indexes: items.map((_, item) => item),
    write: (item) => JSON.stringify(items[item]),
    // Its end is what a reader comes to last.
    sent: (shown) => () => (last < 0 || shown.includes(last) ? done() : undefined),
  });
}
