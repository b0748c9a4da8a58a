import type { IncomingMessage } from 'node:http';
import { APEX_LISTS, APEX_PATH } from './apex-central/index.ts';
import { EXTRAS } from './extras/index.ts';
import type { FaultEndpoint } from './fault-plan.ts';
import { isThingPath, patternOf, THING_ROUTES } from './listed/answers.ts';

/** What a request asks for. */
export interface Route {
  endpoint: FaultEndpoint | 'simulator' | 'forbidden' | 'unknown';
  /** The scope it takes; empty for endpoints that need no access token. */
  scope: string;
  /** The id of the detection, query or thing, or the simulator's own page. */
  argument: string;
  params: URLSearchParams;
}

const READ_EXTRAS = EXTRAS.filter(({ method }) => method === undefined);
/** The few that look something up with a body. */
const ASKED = EXTRAS.filter(({ method }) => method === 'POST');

/** Everything that is read: the first path that fits says what is asked for; its group is the id. */
const READS: readonly (readonly [path: RegExp, endpoint: Route['endpoint'], scope: string])[] = [
  [/^\/detections\/v2$/, 'list', 'opticsdetect:list'],
  [/^\/detections\/v2\/recent$/, 'recent', 'opticsdetect:list'],
  [/^\/detections\/v2\/csv$/, 'csv', 'opticsdetect:list'],
  [/^\/detections\/v2\/([^/]+)\/details$/, 'detail', 'opticsdetect:read'],
  [/^\/instaqueries\/v2$/, 'instaqueries', 'opticssurvey:list'],
  // The newer document forgets the slash before the id.
  [/^\/instaqueries\/v2\/?([^/]+)\/results$/, 'results', 'opticssurvey:read'],
  [/^\/instaqueries\/v2\/([^/]+)$/, 'instaquery', 'opticssurvey:read'],
  [/^\/devicecommands\/v2\/retrieved_files$/, 'files', 'opticscommand:read'],
  ...READ_EXTRAS.map(({ name, path, scope }) => [patternOf(path), name, scope] as const),
  ...THING_ROUTES.map(({ pattern, endpoint, scope }) => [pattern, endpoint, scope] as const),
];
const OURS = /^\/(?:(?:detections|devicecommands)\/v2(?:\/|$)|instaqueries\/v2)/;
const EXTRA_PATHS = EXTRAS.map(({ path }) => path.replace(/\/\{id\}.*/, ''));

export function routeOf(request: IncomingMessage): Route {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const path = (mark < 0 ? url : url.slice(0, mark)).replace(/\/+$/, '');
  const params = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const route = (endpoint: Route['endpoint'], scope = '', argument = ''): Route => ({
    endpoint,
    scope,
    argument,
    params,
  });
  if (path.startsWith('/_simulator/')) return route('simulator', '', path.slice('/_simulator/'.length));
  if (path === '/auth/v2/token') return request.method === 'POST' ? route('token') : route('forbidden');
  if (path === APEX_PATH) return request.method === 'PUT' ? route('apex') : route('forbidden');
  if (APEX_LISTS.includes(path.toLowerCase())) return request.method === 'GET' ? route('apex') : route('forbidden');
  if (!OURS.test(path) && !isThingPath(path) && !EXTRA_PATHS.some((one) => path.startsWith(one)))
    return route('unknown');
  const asked = request.method === 'POST' ? ASKED.find((extra) => extra.path === path) : undefined;
  if (asked !== undefined) return route(asked.name, asked.scope);
  if (request.method !== 'GET') return route('forbidden');
  for (const [pattern, endpoint, scope] of READS) {
    const match = pattern.exec(path);
    if (match) return route(endpoint, scope, decoded(match[1]));
  }
  return route('unknown');
}

function decoded(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
