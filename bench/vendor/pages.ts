/**
 * A vendor that costs next to nothing, so that what is measured beside it on the same cores is the reader: lists and details
 * of any number of detections, made by copying samples and writing an id and a time into each copy.
 *
 * It knows no faults, no filters beside the time, and no order but by time; whoever asks for more is refused. The simulator
 * (`sluice simulator`) is the vendor that tests read.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sample, Samples } from './samples.ts';

export interface VendorOptions {
  samples: Samples;
  /** The form of its list records. */
  form: 'short' | 'full';
  detections: number;
  latencyMs?: number;
}

/** What was asked since `served` was called last. */
export interface Served {
  requests: number;
  /** List requests that were answered with more than one record: those for a count ask for one. */
  pages: number;
  /** Records in these. */
  records: number;
  details: number;
  /** `performance.now()` of the first and the last request of any kind. */
  firstMs: number;
  lastMs: number;
}

export interface BenchVendor {
  url: string;
  /** Its detections occurred in here, the end not included. */
  range: { fromMs: number; toMs: number };
  detections: number;
  served(): Served;
  /** `performance.now()` of the next request. */
  nextRequest(): Promise<number>;
  /** The id of a detection. */
  idOf(index: number): string;
  close(): Promise<void>;
}

const END_MS = Date.parse('2026-01-01T00:00:00Z');
const SPAN_MS = 90 * 86_400_000;
const ID_DIGITS = 8;

export async function startVendor({ samples, form, detections, latencyMs = 0 }: VendorOptions): Promise<BenchVendor> {
  const list = samples[form];
  const stepMs = SPAN_MS / Math.max(1, detections);
  const timeOf = (index: number) => Math.floor(END_MS - SPAN_MS + index * stepMs);
  /** The first detection at or after a time. */
  const indexAt = (ms: number) => {
    let index = Math.min(detections, Math.max(0, Math.ceil((ms - (END_MS - SPAN_MS)) / stepMs)));
    while (index > 0 && timeOf(index - 1) >= ms) index--;
    while (index < detections && timeOf(index) < ms) index++;
    return index;
  };
  let counts = nothing();
  const waiting: ((nowMs: number) => void)[] = [];

  function page(query: URLSearchParams): Buffer | undefined {
    const from = indexAt(Date.parse(query.get('start') ?? '') || 0);
    const to = indexAt(Date.parse(query.get('end') ?? '') || Number.MAX_SAFE_INTEGER);
    const total = Math.max(0, to - from);
    const number = Number(query.get('page') ?? 1);
    const size = Number(query.get('page_size') ?? 50);
    const pages = Math.ceil(total / size);
    if (number > Math.max(1, pages)) return undefined;
    const first = from + (number - 1) * size;
    const last = Math.min(to, first + size);
    if (size > 1) {
      counts.pages++;
      counts.records += last - first;
    }
    const head = `{"page_number":${number},"page_size":${size},"total_pages":${pages},"total_number_of_items":${total},"page_items":[`;
    return pageOf(head, list, first, last, timeOf);
  }

  function answer(url: URL): Buffer | undefined {
    if (url.pathname === '/auth/v2/token') return Buffer.from(JSON.stringify({ access_token: tokenFor(3600) }));
    if (url.pathname === '/detections/v2') return page(url.searchParams);
    const id = /^\/detections\/v2\/([^/]+)\/details$/.exec(url.pathname)?.[1];
    if (id === undefined) return undefined;
    const index = Number.parseInt(id.slice(0, ID_DIGITS), 16);
    if (!(index < detections) || idAt(list, index) !== id) return undefined;
    counts.details++;
    return copyOf(sampleAt(samples.details, index), index, timeOf(index));
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const nowMs = performance.now();
    for (const told of waiting.splice(0)) told(nowMs);
    counts.requests++;
    if (counts.firstMs === 0) counts.firstMs = nowMs;
    counts.lastMs = nowMs;
    request.resume();
    const body = answer(new URL(request.url ?? '/', 'http://vendor'));
    if (latencyMs > 0) await sleep(latencyMs);
    if (body === undefined) response.writeHead(404, JSON_TYPE).end('{"message":"there is no such thing here"}');
    else response.writeHead(200, { ...JSON_TYPE, 'content-length': body.length }).end(body);
  }

  const server = createServer((request, response) => void serve(request, response));
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    range: { fromMs: END_MS - SPAN_MS, toMs: END_MS },
    detections,
    served() {
      const taken = counts;
      counts = nothing();
      return taken;
    },
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    idOf: (index) => idAt(list, index),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

function nothing(): Served {
  return { requests: 0, pages: 0, records: 0, details: 0, firstMs: 0, lastMs: 0 };
}

/** Nobody checks its signature. */
function tokenFor(seconds: number): string {
  const issued = Math.floor(Date.now() / 1000);
  const parts = [{ alg: 'HS256' }, { iat: issued, exp: issued + seconds }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  return `${parts.join('.')}.unsigned`;
}

function sampleAt(samples: Sample[], index: number): Sample {
  return samples[index % samples.length] as Sample;
}

/** The id of the sample, which begins with the number of the detection. */
function idAt(samples: Sample[], index: number): string {
  const { bytes, ids } = sampleAt(samples, index);
  const [at = 0] = ids;
  return digitsOf(index) + bytes.toString('latin1', at + ID_DIGITS, at + 36);
}

function digitsOf(index: number): string {
  return index.toString(16).padStart(ID_DIGITS, '0');
}

function writeInto(target: Buffer, start: number, { ids, times }: Sample, index: number, timeMs: number): void {
  const digits = digitsOf(index);
  for (const at of ids) target.write(digits, start + at, 'latin1');
  const time = new Date(timeMs).toISOString();
  for (const at of times) target.write(time, start + at, 'latin1');
}

function copyOf(sample: Sample, index: number, timeMs: number): Buffer {
  const copy = Buffer.from(sample.bytes);
  writeInto(copy, 0, sample, index, timeMs);
  return copy;
}

function pageOf(head: string, samples: Sample[], from: number, to: number, timeOf: (index: number) => number): Buffer {
  let length = head.length + 2 + Math.max(0, to - from - 1);
  for (let index = from; index < to; index++) length += sampleAt(samples, index).bytes.length;
  const body = Buffer.allocUnsafe(length);
  let end = body.write(head, 0, 'latin1');
  for (let index = from; index < to; index++) {
    const sample = sampleAt(samples, index);
    if (index > from) body[end++] = 0x2c;
    sample.bytes.copy(body, end);
    writeInto(body, end, sample, index, timeOf(index));
    end += sample.bytes.length;
  }
  body.write(']}', end, 'latin1');
  return body;
}
