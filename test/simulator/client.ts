import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';

/** A small client that knows nothing of the simulator's inside. */

export const SEED = Number(process.env.SIMULATOR_SEED ?? 20_240_611);

export const APPLICATION = {
  tenantId: '6d1c2a4e-0000-4000-8000-00000000beef',
  applicationId: 'e0e0a1b2-1111-4111-8111-111111111111',
  applicationSecret: 'not-a-real-secret',
};

// biome-ignore lint/suspicious/noExplicitAny: replies are looked into as they come, and the tests say what they expect.
export type Loose = any;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: Loose;
}

export interface CallOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs?: number;
  agent?: Agent;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { method = 'GET', headers, body, timeoutMs = 20_000, agent } = options;
  const open = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = open(url, { method, headers, agent, rejectUnauthorized: false }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('error', reject);
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text, json: parse(text) });
      });
    });
    sent.on('error', reject);
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error('timeout')));
    sent.end(body);
  });
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** The application's own token, with claims that can be spoiled. */
export function authToken(
  claims: Record<string, unknown> = {},
  secret = APPLICATION.applicationSecret,
  alg = 'HS256',
): string {
  const now = Math.floor(Date.now() / 1000);
  const { applicationId: sub, tenantId: tid } = APPLICATION;
  const all = { iss: 'http://cylance.com', iat: now, exp: now + 1800, sub, tid, jti: randomUUID(), ...claims };
  const content = `${encode({ alg, typ: 'JWT' })}.${encode(all)}`;
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

export function askToken(url: string, auth_token: string): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json; charset=utf-8' };
  return call(`${url}/auth/v2/token`, { method: 'POST', headers, body: JSON.stringify({ auth_token }) });
}

export interface Reader {
  get(path: string, options?: CallOptions): Promise<Answer>;
  /** Every item of a list, page by page. */
  all(query?: string, pageSize?: number): Promise<Loose[]>;
  close(): void;
}

export async function readerOf(url: string, claims: Record<string, unknown> = {}): Promise<Reader> {
  const token = (await askToken(url, authToken(claims))).json?.access_token as string;
  const agent = url.startsWith('https:') ? undefined : new Agent({ keepAlive: true, maxSockets: 32 });
  const get: Reader['get'] = (path, options = {}) =>
    call(url + path, { agent, ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
  const all: Reader['all'] = async (query = '', pageSize = 200) => {
    const items: unknown[] = [];
    for (let page = 1; ; page++) {
      const { status, json } = await get(`/detections/v2?page=${page}&page_size=${pageSize}${query}`);
      if (status !== 200) throw new Error(`page ${page} answered ${status}`);
      items.push(...json.page_items);
      if (page >= json.total_pages) return items;
    }
  };
  return { get, all, close: () => agent?.destroy() };
}

/** A fixed end makes every run of one seed the same. */
export const END = '2026-03-01T12:00:00Z';

/** With the odd forms, which the tests of this folder look for; `public-forms.test.ts` looks at the usual ones. */
export function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return startSimulator({ seed: SEED, detections: 2000, endTime: END, oddForms: true, ...APPLICATION, ...options });
}

/** Starts, reads and always closes; a failure names the seed. */
export async function withSimulator(
  options: Partial<SimulatorOptions>,
  run: (simulator: Simulator, reader: Reader) => Promise<void>,
): Promise<void> {
  const simulator = await start(options);
  let reader: Reader | undefined;
  try {
    reader = await readerOf(simulator.url);
    await run(simulator, reader);
  } catch (error) {
    throw new Error(`seed ${options.seed ?? SEED}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  } finally {
    reader?.close();
    await simulator.close();
  }
}
