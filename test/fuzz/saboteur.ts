/**
 * Stands between Sluice and the simulator, and damages what passes: one record of about every page, the details and children
 * of some ids. The same record is damaged in the same way at every request, until it is mended.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { anyValue, type Draw, damagedRecord, drawFrom, type Size } from './damage.ts';

export interface Saboteur {
  url: string;
  /** Ids that stood in what was damaged, in lower case without dashes. */
  victims: ReadonlySet<string>;
  /** How often a record in the reply of a child was damaged; which one it is shows in no id. */
  inChildren: ReadonlySet<string>;
  counts: { records: number; large: number; huge: number; deep: number; replies: number };
  /** From now on everything passes as it is. */
  mend(): void;
  close(): Promise<void>;
}

export interface Plan {
  seed: number;
  /** About one record of so many is damaged. */
  oneOf: number;
  /** One damage of so many is above 1 MB, and one of so many above 10 MB; 0 for none. */
  largeOneOf: number;
  hugeOneOf: number;
}

export const bare = (id: string): string => id.replaceAll('-', '').toLowerCase();

const ONE_ID = /^\/[a-z]+\/v2\/(?:executions\/)?(?!executions$|retrieved_files$)([^/]+)(?:\/[a-z]+)?$/;
const IDS = ['Id', 'id', 'sha256', 'packageId', 'executionId', 'execution_id', 'scanSummaryGuid', 'correlation_id'];

export async function startSaboteur(target: string, plan: Plan): Promise<Saboteur> {
  const victims = new Set<string>();
  const inChildren = new Set<string>();
  const counts = { records: 0, large: 0, huge: 0, deep: 0, replies: 0 };
  const counted = new Set<string>();
  let isMended = false;

  const isVictim = (topic: string) => drawFrom(plan.seed, `victim ${topic}`)(plan.oneOf) === 0;
  const sizeOf = (topic: string): Size => {
    const draw = drawFrom(plan.seed, `size ${topic}`);
    if (plan.hugeOneOf > 0 && draw(plan.hugeOneOf) === 0) return 'huge';
    if (plan.largeOneOf > 0 && draw(plan.largeOneOf) === 0) return 'large';
    return draw(10) === 0 ? 'deep' : 'small';
  };
  const count = (topic: string, size: Size): void => {
    if (counted.has(topic)) return;
    counted.add(topic);
    counts.records++;
    if (size !== 'small') counts[size]++;
  };

  /** The item as it is, or damaged: as JSON text. */
  const item = (content: unknown, place: string, isOfChild: boolean): string => {
    const id = idOf(content) ?? JSON.stringify(content);
    // Several rows of a child may be of one device.
    const topic = `${place} ${isOfChild ? JSON.stringify(content) : id}`;
    if (!isVictim(topic)) return JSON.stringify(content);
    const size = sizeOf(topic);
    count(topic, size);
    if (isOfChild) inChildren.add(topic);
    else victims.add(bare(id));
    return damagedRecord(content, drawFrom(plan.seed, topic), size);
  };

  const damagedReply = (path: string, text: string): { status: number; text: string } | undefined => {
    const id = ONE_ID.exec(path)?.[1];
    const draw = drawFrom(plan.seed, `reply ${path}`);
    if (id !== undefined && isVictim(path)) {
      victims.add(bare(id));
      counts.replies++;
      const size = sizeOf(path);
      count(path, size);
      return draw(2) === 0 ? refused(draw) : { status: 200, text: garbage(text, draw, size) };
    }
    return undefined;
  };

  const server = createServer((request, response) => {
    void pass(request, response).catch(() => response.destroy());
  });
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
    const asked = { method: request.method, headers: headers as Record<string, string>, body };
    const reply = await fetch(`${target}${request.url}`, asked);
    const { pathname } = new URL(request.url ?? '', target);
    let text = await reply.text();
    let { status } = reply;
    if (!isMended && status === 200 && !pathname.startsWith('/auth/')) {
      const damaged = damagedReply(pathname, text);
      if (damaged !== undefined) ({ status, text } = damaged);
      else text = withDamagedItems(text, (content) => item(content, pathname, ONE_ID.test(pathname)));
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, victims, inChildren, counts },
    mend: () => {
      isMended = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function idOf(content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null) return undefined;
  const ids = IDS.map((name) => (content as Record<string, unknown>)[name]);
  return ids.find((id): id is string => typeof id === 'string' && id !== '');
}

/** Statuses of one detail or child beside others that work; those that hold up more than that (401, 429) have tests of their own. */
function refused(draw: Draw): { status: number; text: string } {
  const status = 300 + draw(300);
  const isGeneral = status === 401 || status === 429;
  return { status: isGeneral ? 418 : status, text: draw(2) === 0 ? '<html>no</html>' : '{"message":"no \\u001b[2J"}' };
}

function garbage(text: string, draw: Draw, size: Size): string {
  const how = draw(5);
  if (how === 0) return text.slice(0, draw(text.length + 1));
  if (how === 1) return anyValue(draw, size);
  if (how === 2) return `${text}${text}`;
  if (how === 3) return '';
  try {
    return damagedRecord(JSON.parse(text), draw, size);
  } catch {
    return '<html>';
  }
}

/** The reply with each item of its list as `written` has it; other replies as they are. */
function withDamagedItems(text: string, written: (content: unknown) => string): string {
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch {
    return text;
  }
  const joined = (items: unknown[]) => `[${items.map(written).join(',')}]`;
  if (Array.isArray(reply)) return joined(reply);
  const members = Object.entries(reply as object).map(([name, value]) => {
    const isList = /^(?:page_items|result|history|data)$/i.test(name) && Array.isArray(value);
    return `${JSON.stringify(name)}:${isList ? joined(value as unknown[]) : JSON.stringify(value)}`;
  });
  return `{${members.join(',')}}`;
}
