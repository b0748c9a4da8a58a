/** The connection to one Apex Central: every request is signed and sent as PUT, and its reply is checked for failures. */
import {
  type Connector,
  type ConnectorServices,
  createRetryPolicy,
  type HttpReply,
  type HttpRequest,
  lockedOut,
  orClock,
  parseReply,
  placeOf,
  REMOVED,
  retryAfterMs,
  SluiceError,
  type SourceSettings,
  secretNow,
  statusError,
  type VendorClient,
  type VendorRequest,
  withoutSecrets,
} from '../../../src/index.ts';
import { type ApexCentralSettings, config } from './config.ts';
import { type Failure, failureOf, kindOf, short } from './envelope.ts';
import { embedded, member } from './json.ts';
import { CONTENT, ENDPOINTS, FOOTPRINTS, LIST, PATH, SCAN_TYPES, TASK_TYPE } from './routes.ts';
import { signedToken } from './signature.ts';

const CONTENT_TYPE = 'application/json;charset=utf-8';

export const apexCentral: Connector = {
  name: 'apex_central',
  config,
  facts: (settings) => ({
    name: settings.name,
    connector: 'apex_central',
    tenantId: settings.tenantId,
    consoleUrl: settings.consoleUrl,
    keepOriginal: settings.keepOriginal,
  }),
  open: openApexCentral,
};

function openApexCentral(settings: ApexCentralSettings, services: ConnectorServices): VendorClient {
  const patiently = createRetryPolicy(services);
  return {
    json: (request) => patiently(request, (isHeld) => ask(request, settings, services, isHeld)),
    parts() {
      throw new Error('Apex Central has no reply that is read part by part');
    },
    authenticate: async (signal) => {
      const retry = { ...services.retry, deadlineMs: Math.min(services.retry.deadlineMs, 10_000) };
      const Payload = { pagination: { offset: 0, limit: 1 }, scanType: [...SCAN_TYPES] };
      const body = { Url: LIST, TaskType: TASK_TYPE, Payload };
      const request = { path: PATH, route: LIST, body, scope: '', priority: 'live' as const, signal, accept: () => {} };
      await createRetryPolicy({ ...services, retry })(request, () => ask(request, settings, services));
    },
  };
}

/** One request, signed for this attempt: the token of an earlier attempt may be too old. */
async function ask<T>(
  request: VendorRequest<T>,
  settings: ApexCentralSettings,
  services: ConnectorServices,
  isHeld?: () => boolean,
): Promise<T> {
  const { sent, token } = await signed(request, settings, services);
  const reply = await services.http({ ...sent, isHeld });
  if (reply.status === 401 || (reply.status === 403 && !isOfOne(request))) {
    const text = reply.body.toString('utf8', 0, 2000).replaceAll(token, REMOVED);
    const said = short(member(embedded(text), 'Message', 'result_description') ?? text);
    throw refusal(settings, reply, `HTTP ${reply.status}`, said, services.now());
  }
  const error = statusError(reply, sent, services.now());
  if (error !== undefined) throw explained(error, request, reply.status);
  const content = services.secrets.unechoed(reply, parseReply(reply, sent));
  const failure = failureOf(content, placeOf(sent));
  if (failure !== undefined) throw failed(failure, { request, sent, reply, token, settings, nowMs: services.now() });
  return request.accept(content, reply.body.length);
}

async function signed(
  { path, query, body, priority, signal, room }: VendorRequest<unknown>,
  settings: ApexCentralSettings,
  services: ConnectorServices,
): Promise<{ sent: HttpRequest & { headers: Record<string, string> }; token: string }> {
  if (query !== undefined) throw new Error('a request to Apex Central has a body instead of a query');
  const base = new URL(settings.baseUrl);
  const wholePath = `${base.pathname.replace(/\/+$/, '')}${path}`;
  const method = 'PUT' as const;
  const text = JSON.stringify(body ?? {});
  const headers: Record<string, string> = { 'content-type': CONTENT_TYPE };
  const token = await signedToken(
    { method, path: wholePath, headers, body: text },
    {
      applicationId: settings.applicationId,
      apiKey: secretNow(settings, services.secrets),
      issuedS: Math.floor(services.now() / 1000),
    },
  );
  services.secrets.protect(token);
  headers.authorization = `Bearer ${token}`;
  return { sent: { method, url: `${base.origin}${wholePath}`, headers, body: text, priority, signal, room }, token };
}

/** Whether the request concerns one endpoint or one investigation, whose failure must not end the others. */
function isOfOne({ body }: VendorRequest<unknown>): boolean {
  return body?.Url === FOOTPRINTS || body?.Url === CONTENT || body?.Url === ENDPOINTS;
}

/** Explains a refusal. All requests go to one address: if it is wrong nothing can be read, except when the refusal concerns one endpoint. */
function explained(error: SluiceError, request: VendorRequest<unknown>, status: number): SluiceError {
  if (status !== 403 && status !== 404 && status !== 405) return error;
  if (isOfOne(request)) return new SluiceError(error.message, { action: 'reject', status, cause: error });
  const advice = 'Check base_url of the source: it is where the console of Apex Central is, without a path.';
  return lockedOut(error.message, { status, waitMs: error.waitMs, advice, cause: error });
}

const WRONG_KEY =
  "Check application_id and api_key of the source, this machine's clock, and that nothing in between changes requests.";
/** The checksum is over method, path and query, headers that begin with API, and the very bytes of the body. */
const CHANGED =
  'The key was accepted, so something between Sluice and Apex Central changes requests: a proxy that rewrites the path, adds a header that begins with "API", or writes the JSON anew. Let it pass them as they are (http.proxy: none goes around it), and write base_url as the server itself knows it.';
const STALE = "The time in the request was refused: set this machine's clock, and that of the server (NTP).";

/** The guide lists no codes for what is wrong with a token, so the words decide. */
function adviceFor(said: string): string {
  if (/checksum/i.test(said)) return CHANGED;
  return /\biat\b|too old|expired|of the future/i.test(said) ? STALE : WRONG_KEY;
}

/** The key is read again for each attempt, so that a rotated key is found. */
function refusal({ name }: SourceSettings, reply: HttpReply, where: string, said: string, nowMs: number): SluiceError {
  return lockedOut(`source "${name}": Apex Central refused the signature of the request (${where}): ${said}`, {
    status: reply.status,
    waitMs: retryAfterMs(reply.headers.get('retry-after'), nowMs),
    advice: orClock(reply, nowMs, adviceFor(said)),
  });
}

interface Failed {
  request: VendorRequest<unknown>;
  sent: HttpRequest;
  reply: HttpReply;
  token: string;
  settings: ApexCentralSettings;
  nowMs: number;
}

/** A failure that came with HTTP 200. */
function failed(failure: Failure, { request, sent, reply, token, settings, nowMs }: Failed): SluiceError {
  const kind = kindOf(failure);
  const said = withoutSecrets(short(failure.said.replaceAll(token, REMOVED)), []);
  const where = `HTTP ${reply.status}, ${failure.code}`;
  const url = request.body?.Url;
  const isItsOwn = isOfOne(request);
  if (kind === 'signature' && !isItsOwn) return refusal(settings, reply, where, said, nowMs);
  const message = `${placeOf(sent)} (${typeof url === 'string' ? url : 'no Url'}) failed with ${where}: ${said}`;
  if (kind === 'permission') {
    const advice = 'Give the application access to Endpoint Sensor in the console, and check its licence.';
    return new SluiceError(message, { action: isItsOwn ? 'reject' : 'forbidden', status: 403, advice });
  }
  return new SluiceError(message, { action: kind === 'trouble' ? 'retry' : 'reject', status: reply.status });
}
