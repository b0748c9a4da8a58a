import type { Json } from '../artifacts.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { Site } from '../resource.ts';
import { type Extra, isSameId, itemsOf } from './extra.ts';

/** Tells which focus views of artifacts exist, or could be made: up to 200 pairs of event and device in one request. */

const MOST = 200;

interface Pair {
  uid: string;
  device_id: string;
}

function pairsOf(body: string): Pair[] | undefined {
  try {
    const pairs: unknown = JSON.parse(body);
    const isPair = (one: Partial<Pair> | null) => typeof one?.uid === 'string' && typeof one.device_id === 'string';
    return Array.isArray(pairs) && pairs.length <= MOST && pairs.every(isPair) ? pairs : undefined;
  } catch {
    return undefined;
  }
}

/** The newest view of the pair; else whether one could be requested. */
function found(views: readonly Json[], { facts }: Site, { uid, device_id }: Pair): Json {
  const view = views.find((one) => isSameId(one.value, uid) && isSameId(one.device_id, device_id));
  if (view !== undefined) return { uid, device_id, status: String(view.status).toUpperCase(), focus_id: view.id };
  const isKnown = facts.devices.some(({ opticsId }) => isSameId(opticsId, device_id));
  return { uid, device_id, status: isKnown ? 'REQUEST' : 'UNKNOWN_DEVICE', focus_id: null };
}

export const focusSearch: Extra = {
  ...{ endpoint: 'focus-search', path: '/foci/v2/search', scope: 'opticsfocus:list', method: 'POST' },
  answer(site, { body }): Reply {
    const pairs = pairsOf(body.toString());
    if (pairs === undefined) return errorReply(400, `the body must list up to ${MOST} pairs of uid and device_id`);
    const views = itemsOf(site, 'foci');
    return jsonReply(JSON.stringify(pairs.map((pair) => found(views, site, pair))));
  },
};
