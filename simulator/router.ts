import type { IncomingMessage } from 'node:http';
import type { FaultEndpoint } from './fault-plan.ts';

/** What a request asks for. */
export interface Route {
  endpoint: Exclude<FaultEndpoint, 'any'> | 'simulator' | 'forbidden' | 'unknown';
  /** The scope it takes; empty for endpoints that need no access token. */
  scope: string;
  /** The detection's id, or the simulator's own page. */
  argument: string;
  params: URLSearchParams;
}

const LIST = 'opticsdetect:list';
const READ = 'opticsdetect:read';

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
  if (path !== '/detections/v2' && !path.startsWith('/detections/v2/')) return route('unknown');
  if (request.method !== 'GET') return route('forbidden');
  if (path === '/detections/v2') return route('list', LIST);
  const rest = path.slice('/detections/v2/'.length);
  if (rest === 'recent') return route('recent', LIST);
  if (rest === 'csv') return route('csv', LIST);
  const match = /^([^/]+)\/details$/.exec(rest);
  return match?.[1] ? route('detail', READ, match[1]) : route('unknown');
}
