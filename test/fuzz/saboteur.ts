/**
 * Stands between Sluice and the simulator, and damages what passes: one record of about every page, the details and children
 * of some ids. The same record is damaged in the same way at every request, until it is mended.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseExact } from '../../src/api/records/json.ts';
import { anyValue, type Draw, damagedRecord, drawFrom, pick, type Size } from './damage.ts';
import type { Asked, Vendor } from './vendors.ts';

/** An item of a list in a reply, as it was. */
export interface Item {
  list: string;
  content: unknown;
}

export interface Damage {
  asked: Asked;
  /** What was damaged, behind the items that it stands in; empty where it was the whole reply. */
  trail: readonly Item[];
}

export interface Saboteur {
  url: string;
  damages: ReadonlyMap<string, Damage>;
  counts: { records: number; large: number; huge: number; deep: number; replies: number };
  /** From now on everything passes as it is. */
  mend(): void;
  close(): Promise<void>;
}

export interface Plan {
  vendor: Vendor;
  seed: number;
  /** About one record of so many is damaged. */
  oneOf: number;
  /** One damage of so many is above 1 MB, and one of so many above 10 MB; 0 for none. */
  largeOneOf: number;
  hugeOneOf: number;
}

export async function startSaboteur(target: string, plan: Plan): Promise<Saboteur> {
  const { vendor } = plan;
  const damages = new Map<string, Damage>();
  const counts = { records: 0, large: 0, huge: 0, deep: 0, replies: 0 };
  let isMended = false;

  const isVictim = (topic: string, seldom = 1) => drawFrom(plan.seed, `victim ${topic}`)(plan.oneOf * seldom) === 0;
  const sizeOf = (topic: string): Size => {
    const draw = drawFrom(plan.seed, `size ${topic}`);
    if (plan.hugeOneOf > 0 && draw(plan.hugeOneOf) === 0) return 'huge';
    if (plan.largeOneOf > 0 && draw(plan.largeOneOf) === 0) return 'large';
    return draw(10) === 0 ? 'deep' : 'small';
  };
  const count = (topic: string, size: Size, damage: Damage): void => {
    if (damages.has(topic)) return;
    damages.set(topic, damage);
    counts.records++;
    if (size !== 'small') counts[size]++;
  };

  /** JSON text of the value, in which items are damaged. */
  const written = (asked: Asked, name: string, value: unknown, within: readonly Item[]): string => {
    const list = name.toLowerCase();
    const seldom = asked.one === undefined && list === vendor.whole ? undefined : vendor.lists.get(list);
    if (Array.isArray(value) && seldom !== undefined) {
      return `[${value.map((content) => item(asked, [...within, { list, content }], seldom)).join()}]`;
    }
    const inner = vendor.isNested && typeof value === 'string' ? parsed(value) : undefined;
    if (inner !== undefined) return JSON.stringify(written(asked, name, inner, within));
    if (Array.isArray(value) || !isObject(value)) return JSON.stringify(value);
    return membersOf(asked, value, within);
  };
  const membersOf = (asked: Asked, value: object, within: readonly Item[]): string => {
    const members = Object.entries(value);
    return `{${members.map(([name, own]) => `${JSON.stringify(name)}:${written(asked, name, own, within)}`).join()}}`;
  };
  const item = (asked: Asked, trail: readonly Item[], seldom: number): string => {
    const content = trail.at(-1)?.content;
    const text = JSON.stringify(content);
    const topic = `${asked.place} ${text}`;
    if (isVictim(topic, seldom)) {
      const size = sizeOf(topic);
      count(topic, size, { asked, trail });
      return damagedRecord(content, drawFrom(plan.seed, topic), size);
    }
    return vendor.isNested && isObject(content) ? membersOf(asked, content, trail) : text;
  };

  const damagedReply = (asked: Asked, text: string): { status: number; text: string } | undefined => {
    const topic = `reply ${asked.place}`;
    if (asked.one === undefined || !isVictim(topic)) return undefined;
    const draw = drawFrom(plan.seed, topic);
    if (!damages.has(topic)) counts.replies++;
    const size = sizeOf(topic);
    count(topic, size, { asked, trail: [] });
    return draw(2) === 0 ? refused(draw, vendor) : { status: 200, text: garbage(text, draw, size) };
  };

  const server = createServer((request, response) => {
    void pass(request, response).catch(() => response.destroy());
  });
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers;
    const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
    const sent = { method: request.method, headers: headers as Record<string, string>, body };
    const reply = await fetch(`${target}${request.url}`, sent);
    let text = await reply.text();
    let { status } = reply;
    const asked = vendor.asked(new URL(request.url ?? '', target).pathname, String(body ?? ''));
    if (!isMended && status === 200 && asked !== undefined) {
      vendor.noted?.(asked, text);
      const damaged = damagedReply(asked, text);
      if (damaged !== undefined) ({ status, text } = damaged);
      else {
        const content = parsed(text);
        if (content !== undefined) text = written(asked, BARE_ARRAY, content, []);
      }
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...{ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, damages, counts },
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

/** An array without an envelope is a list of this name. */
const BARE_ARRAY = 'page_items';

/** Undefined where it is no JSON, or no object or array. */
function parsed(text: string): object | undefined {
  try {
    const content = parseExact(text);
    return isObject(content) ? content : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What one detail or child is answered with beside others that work. */
function refused(draw: Draw, { refusal }: Vendor): { status: number; text: string } {
  if (refusal !== undefined && draw(2) === 0) return { status: 200, text: refusal(anyValue(draw, 'small')) };
  // Those that hold up others until it is known whose they are take seconds: few of them are enough.
  const status = draw(60) === 0 ? pick(draw, [401, 429]) : 300 + draw(300);
  return { status, text: draw(2) === 0 ? '<html>no</html>' : '{"message":"no \\u001b[2J"}' };
}

function garbage(text: string, draw: Draw, size: Size): string {
  const how = draw(6);
  if (how === 0) return text.slice(0, draw(text.length + 1));
  if (how === 1) return anyValue(draw, size);
  if (how === 2) return `${text}${text}`;
  if (how === 3) return '';
  try {
    return damagedWithin(parseExact(text), draw, size);
  } catch {
    return '<html>';
  }
}

/** A member of it, or of what stands in its `Data`, at any depth. */
function damagedWithin(reply: unknown, draw: Draw, size: Size): string {
  const inner = (reply as { Data?: unknown } | null)?.Data;
  if (typeof inner !== 'object' || inner === null || draw(3) === 0) return damagedRecord(reply, draw, size);
  const { Data: _inner, ...rest } = reply as object & { Data: unknown };
  return `{"Data":${damagedWithin(inner, draw, size)},${JSON.stringify(rest).slice(1)}`;
}
