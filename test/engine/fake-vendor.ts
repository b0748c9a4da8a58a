/** A vendor in a few lines, for what the simulator does not do: each test says what it answers. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  /** JSON, or a text as it is; undefined: never answered. */
  body?: unknown;
}

export interface FakeVendor {
  url: string;
  /** Paths in the order in which they were asked for. */
  asked: string[];
  close(): Promise<void>;
}

export interface FakeOptions {
  /** What the list of detections shows now. */
  detections?: () => readonly object[];
  /** Answers before anything else does; undefined: as usual. */
  answer?: (
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    body: string,
  ) => Answer | undefined | Promise<Answer | undefined>;
}

const TOKEN = { access_token: 'a-token' };

/** Tokens, a list of detections with its details (`{...item}`), and 404 for everything else. */
export async function fakeVendor({ detections = () => [], answer }: FakeOptions): Promise<FakeVendor> {
  const asked: string[] = [];
  const usual = (path: string, query: URLSearchParams): Answer => {
    if (path.endsWith('/auth/v2/token')) return { body: TOKEN };
    const id = /^\/detections\/v2\/([^/]+)\/details$/.exec(path)?.[1];
    if (id !== undefined) {
      const found = detections().find((one) => (one as { Id?: unknown }).Id === decodeURIComponent(id));
      return found === undefined ? { status: 404, body: {} } : { body: found };
    }
    return path === '/detections/v2' ? { body: pageOf(detections(), query) } : { status: 404, body: {} };
  };
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://vendor');
    asked.push(pathname);
    const sent = await text(request);
    const {
      status = 200,
      headers = {},
      body,
    } = (await answer?.(pathname, searchParams, request, sent)) ?? usual(pathname, searchParams);
    if (body === undefined) return;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A page in the vendor's envelope, of what lies between `start` and `end`. */
export function pageOf(items: readonly object[], query: URLSearchParams): object {
  const [from, to] = ['start', 'end'].map((name) => Date.parse(query.get(name) ?? ''));
  const within = items.filter((item) => {
    const at = Date.parse((item as { OccurrenceTime?: string }).OccurrenceTime ?? '');
    return !(at < (from ?? 0)) && !(at > (to ?? 0));
  });
  const size = Number(query.get('page_size') ?? 20);
  const page = Number(query.get('page') ?? 1);
  return {
    ...{ page_number: page, page_size: size, total_pages: Math.ceil(within.length / size) },
    ...{ total_number_of_items: within.length, page_items: within.slice((page - 1) * size, page * size) },
  };
}

/** So many detections, a minute apart, the newest of `newestMs`. */
export function detectionsOf(count: number, newestMs: number): { Id: string; [member: string]: string }[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ Id: `d${String(index).padStart(4, '0')}`, Severity: 'High', Status: 'New' },
    OccurrenceTime: new Date(newestMs - (count - index) * 60_000).toISOString(),
  }));
}
