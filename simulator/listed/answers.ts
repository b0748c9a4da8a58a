import { pageReply, selectionOf } from '../paging.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import { type Asked, type Resource, resource } from '../resource.ts';
import { createListed, itemOf, itemsOf, type Listed, wholeOf } from './collection.ts';
import type { ListedResource, Part } from './resource.ts';

/** The answers of a listed resource: its list, the detail of one item, and the paths below it. */

const MISSING = errorReply(404, 'no such resource');
const ONE = '/{id}';

function list({ described, site, listed, stateOf, lifecycle }: Listed, { params }: Asked): Reply {
  return pageReply(site, params, {
    endpoint: described.name,
    select: () => selectionOf(listed(params)),
    write: (index) => JSON.stringify(itemOf(described, stateOf(index))),
    // If items have details, a state counts as served with its detail.
    sent: (shown) => lifecycle.servedLater(described.detailScope === undefined ? shown : [], 1),
  });
}

function one({ described, find, stateOf, lifecycle }: Listed, { argument }: Asked): Reply {
  const index = find(argument);
  if (index === undefined) return MISSING;
  return jsonReply(JSON.stringify(wholeOf(described, stateOf(index))), lifecycle.servedLater([index], 1));
}

/** The answer of a path below an item. `bit`: the part of the item's state that it serves. */
function below(part: Part, bit: number, { site, find, stateOf, lifecycle }: Listed, asked: Asked): Reply {
  const index = find(asked.argument, part);
  const wrong = index === undefined ? part.elsewhere?.(asked.argument) : undefined;
  if (wrong !== undefined) return jsonReply(JSON.stringify(wrong));
  if (index === undefined) return MISSING;
  const sent = lifecycle.servedLater([index], bit);
  if (part.items === undefined) {
    const reply = part.reply?.(stateOf(index));
    return reply === undefined ? { ...MISSING, sent } : jsonReply(JSON.stringify(reply), sent);
  }
  const items = itemsOf(part, stateOf(index));
  const last = items.length - 1;
  return pageReply(site, asked.params, {
    endpoint: part.name,
    select: () => selectionOf([...items.keys()]),
    write: (item) => JSON.stringify(items[item]),
    // The part is served with the page that has its last record.
    sent: (shown) => () => (last < 0 || shown.includes(last) ? sent() : undefined),
  });
}

/** `number` is the place of the resource among the listed ones. */
export function listedResource(described: ListedResource, number: number): Resource {
  const { name, path, scope, detailScope, stream, parts = [], usual } = described;
  const pages =
    detailScope === undefined ? [] : [{ endpoint: name + ONE, path: path + ONE, scope: detailScope, answer: one }];
  return resource<Listed>({
    ...{ name, usual, streams: [stream, ...parts.flatMap((part) => part.stream ?? [])] },
    routes: [
      { endpoint: name, path, scope, answer: list },
      ...pages,
      ...parts.map((part, at) => ({
        ...{ endpoint: part.name, path: part.path, scope: part.scope },
        answer: (listed: Listed, asked: Asked) => below(part, 2 << at, listed, asked),
      })),
    ],
    create: (site) => createListed(described, number, site),
  });
}
