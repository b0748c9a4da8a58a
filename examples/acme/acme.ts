/** Acme: an invented vendor of door alarms, with a list in pages and a detail for each alarm. A start for a connector of your own. */
import {
  type Connector,
  createRetryPolicy,
  type HttpRequest,
  type ListQuery,
  type ListReply,
  parseReply,
  parseTimeMs,
  SluiceError,
  type SourceSettings,
  type Stream,
  type StreamContext,
  statusError,
  type Vendor,
  type VendorClient,
  values,
  walkWindows,
  z,
} from 'sluice';
import { fields, mapping } from './acme-mapping.ts';

interface AcmeSettings extends SourceSettings {
  baseUrl: string;
  token: () => string;
}

const connector: Connector = {
  name: 'acme',
  config: {
    keys: {
      connector: z.literal('acme').describe('The vendor: `acme`.'),
      base_url: values.httpUrl().describe('Where the API is, as a URL.'),
      token: values.secret('The token of the API, as a reference: a variable of the environment, or a file.'),
    },
    secret: 'token',
    settings: (raw, secretOf) => {
      const { base_url: baseUrl, token } = raw as { base_url: string; token: string };
      return { tenantId: new URL(baseUrl).host, baseUrl, token: secretOf(token) };
    },
  },
  facts: ({ name, tenantId, keepOriginal }) => ({ name, connector: 'acme', tenantId, keepOriginal }),
  open(settings, services): VendorClient {
    const { baseUrl, token } = settings as AcmeSettings;
    const patiently = createRetryPolicy(services); // waits for a vendor that is down, or that limits the rate
    const json: VendorClient['json'] = (request) =>
      patiently(request, async (isHeld) => {
        const url = new URL(request.path, baseUrl);
        for (const [name, value] of Object.entries(request.query ?? {}))
          if (value !== undefined) url.searchParams.set(name, String(value));
        const secret = token();
        services.secrets.protect(secret); // removes the secret from replies that repeat it
        const { priority, signal, room } = request;
        const headers = { authorization: `Bearer ${secret}`, accept: 'application/json' };
        const sent: HttpRequest = { method: 'GET', url: url.href, headers, priority, signal, isHeld, room };
        const reply = await services.http(sent);
        const refused = statusError(reply, sent, services.now());
        if (refused !== undefined) throw refused;
        return request.accept(services.secrets.unechoed(reply, parseReply(reply, sent)), reply.body.length);
      });
    return {
      json,
      parts() {
        throw new SluiceError('acme has no long replies', { action: 'reject' });
      },
      async authenticate(signal) {
        const query = { page: 1, size: 1 };
        await json({ path: LIST, route: LIST, query, scope: '', priority: 'live', signal, accept: () => true });
      },
    };
  },
};

const LIST = '/alarms';

interface Alarm {
  id?: unknown;
  at?: unknown;
  state?: unknown;
}

const alarm: Stream = {
  name: 'acme.alarm',
  about: {
    title: 'Door alarms',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`],
    scopes: ['', ''],
    reading: 'time windows; the detail of each',
    key: 'the id of the alarm',
  },
  mode: 'windows',
  ignored: [],
  secrets: ['pin'],
  key(record) {
    const { id } = record as Alarm;
    if (typeof id !== 'string' || id === '') throw new Error('the alarm has no id');
    return id;
  },
  timeMs: (record) => parseTimeMs((record as Alarm).at),
  isOpen: (record) => (record as Alarm).state === 'open',
  changes: [{ action: 'alarm-closed', of: (record) => (record as Alarm).state }],
  actions: { updated: 'alarm-updated' },
  pages: (context, walk, from) => {
    const partition = { name: '', values: [] }; // the list has no filter that divides it
    return walkWindows(context, { list: (query) => list(context, query), key: alarm.key, partition }, walk, from);
  },
  detail: (context, key) => {
    const { priority, signal } = context;
    const path = `${LIST}/${encodeURIComponent(key)}`;
    return context.client.json({
      ...{ path, route: `${LIST}/{id}`, scope: '', priority, signal, retry: 'brief' },
      accept(reply) {
        if ((reply as Alarm | null)?.id === key) return reply;
        throw new SluiceError(`GET ${path}: the reply is of another alarm`, { action: 'retry' });
      },
    });
  },
};

async function list(context: StreamContext, { page, pageSize, range }: ListQuery): Promise<ListReply> {
  const { priority, signal } = context;
  const bounds = { from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() };
  return context.client.json({
    ...{ path: LIST, route: LIST, scope: '', priority, signal, query: { ...bounds, page, size: pageSize } },
    accept(reply) {
      const { items, total, size } = (reply ?? {}) as { items?: unknown; total?: unknown; size?: unknown };
      if (!Array.isArray(items) || typeof total !== 'number')
        throw new SluiceError(`GET ${LIST}: the reply has no items and total`, { action: 'retry' });
      // The page size that the vendor used, which may be smaller than the requested one: pages are counted by it.
      return { records: items, total, pageSize: typeof size === 'number' ? size : pageSize };
    },
  });
}

export default { connector, streams: [{ stream: alarm, mapping, fields }] } satisfies Vendor;
