import type { IncomingMessage } from 'node:http';
import type { Route } from './resource.ts';
import { RESOURCES } from './resources.ts';

/** The target of a request. */
export interface Target {
  /** The endpoint of a route, or one of the three below. */
  endpoint: string;
  /** The scope that the endpoint requires; undefined for endpoints without an access token. */
  scope?: string;
  /** The text in the path in place of `{id}`, or the simulator's own page. */
  argument: string;
  params: URLSearchParams;
}

/** Endpoints of no route: the simulator's own pages, calls that would change something, and unknown addresses. */
export const [OWN, FORBIDDEN, UNKNOWN] = ['simulator', 'forbidden', 'unknown'];
const OWN_PAGES = '/_simulator/';

interface Known extends Route {
  pattern: RegExp;
  /** All paths that begin so are addresses of the vendor. */
  start: RegExp;
}

function known(route: Route): Known {
  const flags = route.anyCase ? 'i' : '';
  const [start = ''] = route.path.split(/\/?\{id\}/);
  const pattern = new RegExp(`^${route.path.replaceAll('{id}', '([^/]+)')}$`, flags);
  return { ...route, pattern, start: new RegExp(`^${start}`, flags) };
}

const fixedLength = ({ path }: Route) => path.split('{')[0]?.length ?? 0;
/** Routes with more fixed parts come first: `/packages/v2/executions` is not a package. */
const ROUTES: readonly Known[] = RESOURCES.flatMap(({ routes }) => routes)
  .sort((one, other) => fixedLength(other) - fixedLength(one))
  .map(known);

export function targetOf(request: IncomingMessage): Target {
  const { url = '/', method } = request;
  const mark = url.indexOf('?');
  const path = (mark < 0 ? url : url.slice(0, mark)).replace(/\/+$/, '');
  const params = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const target = (endpoint = '', argument = '', scope?: string): Target => ({ endpoint, scope, argument, params });
  if (path.startsWith(OWN_PAGES)) return target(OWN, path.slice(OWN_PAGES.length));
  const route = ROUTES.find((one) => (one.method ?? 'GET') === method && one.pattern.test(path));
  if (route) return target(route.endpoint, decoded(route.pattern.exec(path)?.[1]), route.scope);
  const isOurs = ROUTES.some(({ pattern, start }) => (method === 'GET' ? pattern : start).test(path));
  return target(isOurs ? FORBIDDEN : UNKNOWN);
}

function decoded(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
