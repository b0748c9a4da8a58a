/** What `sluice run` answers by HTTP: health, metrics, the status and its page. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, type SluiceError, stopError } from '../../api/errors.ts';
import type { Switchboard } from '../../engine/jobs/switchboard.ts';
import type { Config } from '../../engine/settings.ts';
import { createRedactor, type Redactor } from '../../redaction/redactor.ts';
import { livenessOf, readinessOf } from '../health.ts';
import type { Logger } from '../log.ts';
import type { Lost } from '../outlet.ts';
import { metricsOf } from '../status/metrics.ts';
import type { StatusModel } from '../status/status.ts';
import { act } from './actions.ts';
import { createEvents } from './events.ts';
import { isOwnHost } from './guard.ts';
import { statusPage } from './page/index.ts';

export interface StatusServer {
  port: number;
  close(): Promise<void>;
}

export interface ServerTools {
  log: Logger;
  /** How many log lines could not be written. */
  lost?: () => Lost | undefined;
  redactor?: Redactor;
  nodeVersion?: string;
  /** Where what the page asks for goes. */
  switchboard: Switchboard;
}

/** The most characters of a reason, which may quote a vendor, a gateway or a sink. */
const LONGEST = 500;
const JSON_TYPE = 'application/json; charset=utf-8';
const PLACES = 'there are / (the status page), /api/status, /healthz, /readyz and /metrics';

/** Undefined when the config has switched it off. */
export async function startServer(
  { host, port, token, hosts }: Config['health'],
  model: StatusModel,
  { log, lost = () => undefined, redactor = createRedactor(), nodeVersion = '', switchboard }: ServerTools,
): Promise<StatusServer | undefined> {
  if (port === 0) return undefined;
  const metrics = metricsOf(model, { lost, nodeVersion });
  const show = (text: string) => redactor.show(text, LONGEST);
  const told = (value: unknown): string => JSON.stringify(redactor.clean(value, show));
  const events = createEvents(() => told(model.status()));
  const page = statusPage(token !== undefined);

  /** For probes and Prometheus, which may call us by any name. */
  const plain = async (path: string, response: ServerResponse): Promise<boolean> => {
    if (path === '/healthz' || path === '/readyz') {
      const { code, body } = (path === '/healthz' ? livenessOf : readinessOf)(model.judged());
      send(response, code, JSON_TYPE, `${told(body)}\n`);
    } else if (path === '/metrics') send(response, 200, metrics.contentType, await metrics.scrape());
    else return false;
    return true;
  };
  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const say = (code: number, body: object) => send(response, code, JSON_TYPE, `${told(body)}\n`);
    if (await plain(path, response)) return;
    if (!isOwnHost(request.headers.host, [...hosts, host]))
      return say(421, { message: 'this name is not mine', advice: 'Write it into `health.hosts` of the config.' });
    if (path === '/api/act') {
      if (request.method !== 'POST') return say(405, { message: 'it has to be a POST' });
      const { code, body } = await act(request, { token, switchboard, log });
      return say(code, body);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') return say(405, { message: 'it has to be a GET' });
    if (path === '/') return void response.writeHead(200, page.headers).end(page.html);
    if (path === '/api/status') return say(200, model.status());
    if (path === '/api/events')
      return events.add(response) ? undefined : say(503, { message: 'too many look already' });
    say(404, { message: PLACES });
  };
  const server = createServer((request, response) => {
    reply(request, response).catch((error: unknown) => {
      log.error({ err: error }, `the status cannot be told: ${messageOf(error)}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(host, port, error)));
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  log.info({ 'sluice.host': host, 'sluice.port': bound }, 'status, health and metrics are served');
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        events.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function cannotListen(host: string, port: number, error: Error): SluiceError {
  const advice = 'Choose another health.port, or stop what listens there.';
  return stopError(`health cannot listen on ${host}:${port}: ${messageOf(error)}`, advice);
}

function send(response: ServerResponse, code: number, type: string, text: string): void {
  const headers = { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  response.writeHead(code, headers).end(text);
}
