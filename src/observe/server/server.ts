/** What `sluice run` answers by HTTP: health, metrics, and the status. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf, type SluiceError, stopError } from '../../api/errors.ts';
import type { Config } from '../../engine/settings.ts';
import { createRedactor, type Redactor } from '../../redaction/redactor.ts';
import { livenessOf, readinessOf } from '../health.ts';
import type { Logger } from '../log.ts';
import type { Lost } from '../outlet.ts';
import { metricsOf } from '../status/metrics.ts';
import type { StatusModel } from '../status/status.ts';

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
}

/** The most characters of a reason, which may quote a vendor, a gateway or a sink. */
const LONGEST = 500;
const JSON_TYPE = 'application/json; charset=utf-8';

/** Undefined when the config has switched it off. */
export async function startServer(
  { host, port }: Config['health'],
  model: StatusModel,
  { log, lost = () => undefined, redactor = createRedactor(), nodeVersion = '' }: ServerTools,
): Promise<StatusServer | undefined> {
  if (port === 0) return undefined;
  const metrics = metricsOf(model, { lost, nodeVersion });
  const show = (text: string) => redactor.show(text, LONGEST);
  const told = (value: unknown): string => `${JSON.stringify(redactor.clean(value, show))}\n`;
  const reply = async (path: string, response: ServerResponse): Promise<void> => {
    if (path === '/healthz' || path === '/readyz') {
      const { code, body } = (path === '/healthz' ? livenessOf : readinessOf)(model.judged());
      return send(response, code, JSON_TYPE, told(body));
    }
    if (path === '/metrics') return send(response, 200, metrics.contentType, await metrics.scrape());
    if (path === '/api/status') return send(response, 200, JSON_TYPE, told(model.status()));
    send(response, 404, JSON_TYPE, told({ message: 'there are /api/status, /healthz, /readyz and /metrics' }));
  };
  const server = createServer((request, response) => {
    reply((request.url ?? '').split('?', 1)[0] ?? '', response).catch((error: unknown) => {
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
  response.writeHead(code, { 'content-type': type }).end(text);
}
