/** A small Kibana: it keeps what it is given, by space, and answers and refuses as the real one is documented to. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RULE, SAVED_OBJECT } from '../content/kibana-schemas.ts';

type Loose = Record<string, unknown>;

export interface FakeKibana {
  url: string;
  /** `space/type/id` -> the object. */
  objects: Map<string, Loose>;
  /** `space/rule_id` -> the rule. */
  rules: Map<string, Loose>;
  asked: string[];
  close(): Promise<void>;
}

export interface FakeOptions {
  apiKey?: string;
  version?: string;
  spaces?: readonly string[];
  /** Answers a request in its place. */
  instead?: (path: string, response: ServerResponse) => boolean;
  /** A saved object that is refused, by its id, and a rule, by its. */
  refuses?: string;
}

export async function startFakeKibana(options: FakeOptions = {}): Promise<FakeKibana> {
  const kibana = { objects: new Map<string, Loose>(), rules: new Map<string, Loose>(), asked: [] as string[] };
  const server = createServer((request, response) => {
    answer(kibana, options, request, response).catch((error: unknown) =>
      send(response, 500, { message: String(error) }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { ...kibana, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
}

async function answer(
  kibana: Pick<FakeKibana, 'objects' | 'rules' | 'asked'>,
  options: FakeOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, headers } = request;
  const url = new URL(request.url ?? '/', 'http://kibana');
  kibana.asked.push(`${method} ${url.pathname}`);
  const body = await wholeOf(request);
  if (options.instead?.(url.pathname, response)) return;
  const refuse = (statusCode: number, error: string, message: string) =>
    send(response, statusCode, { statusCode, error, message });
  if (headers.authorization !== (options.apiKey === undefined ? undefined : `ApiKey ${options.apiKey}`))
    return refuse(401, 'Unauthorized', 'unable to authenticate with the provided credentials');
  if (method === 'POST' && headers['kbn-xsrf'] === undefined)
    return refuse(400, 'Bad Request', 'Request must contain a kbn-xsrf header.');
  const [, space = 'default', path = url.pathname] = /^\/s\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
  if (space !== 'default' && !(options.spaces ?? []).includes(space)) return refuse(404, 'Not Found', 'Not Found');
  if (path === '/api/status')
    return send(response, 200, {
      name: 'kibana',
      version: { number: options.version ?? '9.2.0' },
      status: { overall: { level: 'available' } },
    });
  if (path === '/api/detection_engine/rules' && method === 'GET') {
    const id = url.searchParams.get('rule_id') ?? '';
    const rule = kibana.rules.get(`${space}/${id}`);
    return rule === undefined
      ? send(response, 404, { message: `rule_id: "${id}" not found`, status_code: 404 })
      : send(response, 200, rule);
  }
  const overwrite = url.searchParams.get('overwrite') === 'true';
  if (path === '/api/saved_objects/_import')
    return send(response, 200, importObjects(kibana, options, space, await linesOf(headers, body), overwrite));
  if (path === '/api/detection_engine/rules/_import')
    return send(response, 200, importRules(kibana, options, space, await linesOf(headers, body), overwrite));
  refuse(404, 'Not Found', 'Not Found');
}

async function wholeOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The lines of the one file of a form. */
async function linesOf(headers: IncomingMessage['headers'], body: Buffer): Promise<Loose[]> {
  const form = await new Response(new Uint8Array(body), {
    headers: { 'content-type': headers['content-type'] ?? '' },
  }).formData();
  const file = form.get('file');
  if (!(file instanceof File) || !file.name.endsWith('.ndjson'))
    throw new Error('there is no file of lines in the form');
  const lines = (await file.text()).split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => JSON.parse(line) as Loose);
}

function importObjects(
  { objects }: Pick<FakeKibana, 'objects'>,
  { refuses }: FakeOptions,
  space: string,
  given: Loose[],
  overwrite: boolean,
) {
  const errors: Loose[] = [];
  const successResults: Loose[] = [];
  const inFile = new Set(given.map(({ type, id }) => `${space}/${type}/${id}`));
  for (const object of given) {
    const { type, id } = object;
    const key = `${space}/${type}/${id}`;
    const missing = (object.references as Loose[]).filter((one) => {
      const other = `${space}/${one.type}/${one.id}`;
      return !inFile.has(other) && !objects.has(other);
    });
    const isThere = objects.has(key);
    if (!SAVED_OBJECT.safeParse(object).success || id === refuses)
      errors.push({ type, id, error: { type: 'unknown', message: 'cannot be migrated', statusCode: 422 } });
    else if (missing.length > 0) errors.push({ type, id, error: { type: 'missing_references', references: missing } });
    else if (isThere && !overwrite) errors.push({ type, id, error: { type: 'conflict' } });
    else {
      objects.set(key, object);
      successResults.push({ type, id, meta: {}, ...(isThere ? { overwrite: true } : {}) });
    }
  }
  const said = { success: errors.length === 0, successCount: successResults.length, successResults, warnings: [] };
  return errors.length === 0 ? said : { ...said, errors };
}

function importRules(
  { rules }: Pick<FakeKibana, 'rules'>,
  { refuses }: FakeOptions,
  space: string,
  given: Loose[],
  overwrite: boolean,
) {
  const errors: Loose[] = [];
  for (const rule of given) {
    const id = String(rule.rule_id);
    const fault = (message: string) => errors.push({ rule_id: id, error: { status_code: 400, message } });
    // What people set on a rule is not in the pack.
    const packed = { ...rule, enabled: false, actions: [], exceptions_list: [] };
    if (id === refuses || !RULE.safeParse(packed).success) fault('name: Required');
    else if (rules.has(`${space}/${id}`) && !overwrite) fault(`rule_id: "${id}" already exists`);
    else rules.set(`${space}/${id}`, rule);
  }
  return {
    success: errors.length === 0,
    success_count: given.length - errors.length,
    rules_count: given.length,
    errors,
    exceptions_success: true,
  };
}
