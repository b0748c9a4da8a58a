import { hash } from 'node:crypto';
import {
  type Connector,
  type ConnectorServices,
  conditionOf,
  createRetryPolicy,
  type HttpReply,
  type HttpRequest,
  type HttpStream,
  type HttpStreamer,
  type LongRequest,
  parseExact,
  parseInOrder,
  parseReply,
  partsOf,
  placeOf,
  SluiceError,
  type SourceSecrets,
  statusError,
  textOfReply,
  type VendorClient,
  type VendorRequest,
  validatorsOf,
} from '../../../src/index.ts';
import { type CylanceSettings, config } from './config.ts';
import { baseUrlOf, regionOfConsole } from './region.ts';
import { createTokenHolder, TOKEN_PATH, type TokenHolder } from './token.ts';

export const cylance: Connector = {
  name: 'cylance',
  config,
  facts: (settings) => ({
    name: settings.name,
    connector: 'cylance',
    tenantId: settings.tenantId,
    consoleUrl: settings.consoleUrl,
    keepOriginal: settings.keepOriginal,
  }),
  open: openCylance,
  check: regionOfConsole,
};

function openCylance(settings: CylanceSettings, services: ConnectorServices): VendorClient {
  const baseUrl = baseUrlOf(settings);
  const tokens = createTokenHolder(settings, baseUrl, services);
  const retryPatiently = createRetryPolicy(services);
  const patiently = <T>(request: Asked, call: (to: Target) => Promise<T>): Promise<T> => {
    const url = `${baseUrl}${request.path}${queryOf(request.query)}`;
    return retryPatiently(request, (isHeld) => call({ url, isHeld }));
  };
  return {
    json: (request) =>
      patiently(request, async (to) => {
        const { reply, sent } = await send(request, to, tokens, services, services.http);
        if (reply.status === NOT_MODIFIED) {
          const same = request.unless && request.recognise?.(request.unless.digest, request.unless);
          if (same === undefined)
            throw new SluiceError(`${placeOf(sent)}: it is unchanged, but was never read`, { action: 'retry' });
          return same;
        }
        const digest = request.recognise && hash('sha256', reply.body, 'base64url');
        const recognised = digest === undefined ? undefined : request.recognise?.(digest, validatorsOf(reply, digest));
        return recognised ?? accepted(reply, sent, request, services.secrets);
      }),
    async *parts(request) {
      const { reply, place } = await patiently(request, async (to) => {
        const { reply, sent } = await send(request, to, tokens, services, openOrRefused(services.stream));
        return { reply: reply as HttpStream, place: placeOf(sent) };
      });
      const { member, begin, room, signal } = request;
      const grow = (bytes: number) => room?.need(bytes, signal);
      const weigh = (whole: Buffer) => room?.weigh(whole, signal);
      const { headers } = reply;
      const mostBytes = Math.min(reply.mostBytes, room?.most ?? reply.mostBytes);
      const parts = services.secrets.unechoedParts(reply, (watched, clean) =>
        partsOf(watched, { member, headers, place, begin: (members) => begin(clean(members)), mostBytes, grow, weigh }),
      );
      request.accept(yield* parts);
    },
    authenticate: async (signal) => {
      const retry = { ...services.retry, deadlineMs: Math.min(services.retry.deadlineMs, 10_000) };
      const request = { path: TOKEN_PATH, route: TOKEN_PATH, scope: '', signal };
      await createRetryPolicy({ ...services, retry })(request, () => tokens.get(signal));
    },
  };
}

function accepted<T>(
  reply: HttpReply,
  sent: HttpRequest,
  { accept, ordered, unparsed }: VendorRequest<T>,
  secrets: SourceSecrets,
): T {
  let content: unknown;
  try {
    content = parseReply(reply, sent, ordered ? parseInOrder : parseExact);
  } catch (error) {
    const meaning = unparsed?.(textOfReply(reply));
    if (meaning === undefined) throw error;
    return meaning;
  }
  return accept(secrets.unechoed(reply, content), reply.body.length);
}

type Target = Pick<HttpRequest, 'url' | 'isHeld'>;

type Asked = Omit<LongRequest, 'member' | 'begin' | 'accept'> & Pick<VendorRequest, 'unless'>;

const NOT_MODIFIED = 304;

/** Sends one request, and once more with a new token after a 401. */
async function send<Reply extends Omit<HttpReply, 'body'>>(
  request: Asked,
  { url, isHeld }: Target,
  tokens: TokenHolder,
  services: ConnectorServices,
  http: (sent: HttpRequest) => Promise<Reply>,
): Promise<{ reply: Reply; sent: HttpRequest }> {
  for (let again = false; ; again = true) {
    const token = await tokens.get(request.signal);
    const sent: HttpRequest = {
      method: 'GET',
      url,
      headers: { authorization: `Bearer ${token}`, ...conditionOf(request.unless) },
      priority: request.priority,
      signal: request.signal,
      isHeld,
      room: request.room,
    };
    const reply = await http(sent);
    if (reply.status === 401) {
      tokens.refused(token);
      if (!again) continue;
    }
    if (reply.status === NOT_MODIFIED && request.unless !== undefined) return { reply, sent };
    const error = statusError(reply, sent, services.now());
    if (error !== undefined) throw explain(error, reply.status);
    return { reply, sent };
  }
}

/** Reads the whole body of a refusal, since its text belongs into the error. */
function openOrRefused(stream: HttpStreamer): (sent: HttpRequest) => Promise<HttpReply | HttpStream> {
  return async (sent) => {
    const reply = await stream(sent);
    if (reply.status >= 200 && reply.status < 300) return reply;
    return { status: reply.status, headers: reply.headers, body: Buffer.concat(await Array.fromAsync(reply.body)) };
  };
}

/** A second refusal in a row is a fault of the vendor, not a wrong secret: that would fail the request for a token. */
function explain(error: SluiceError, status: number): SluiceError {
  if (status !== 401) return error;
  const message = `${error.message} with a token that was just issued`;
  return new SluiceError(message, { ...error, action: 'retry', general: 'source', cause: error });
}

function queryOf(query: VendorRequest['query']): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) parts.append(name, String(one));
  }
  const text = parts.toString();
  return text === '' ? '' : `?${text}`;
}
