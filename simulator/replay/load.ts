/** A recording of `sluice record`: the items of lists, and every other reply by what was asked. */
import { zstdDecompressSync } from 'node:zlib';

export interface RecordedReply {
  method: string;
  path: string;
  query: string;
  body?: unknown;
  status: number;
  reply: unknown;
}

export interface RecordedSource {
  name: string;
  connector: string;
  streams: string[];
}

export interface Recorded {
  /** When it was made, ISO. */
  at: string;
  sources: RecordedSource[];
  /** By path, and what tells lists of one path apart. */
  lists: Map<string, unknown[]>;
  /** By `keyOf`. */
  replies: Map<string, RecordedReply>;
}

/** What a reply is found by. Members of the body in any order. */
export function keyOf(method: string, path: string, params: URLSearchParams, body: unknown): string {
  return JSON.stringify([method, path, sorted(params), body === undefined ? null : inOrder(body)]);
}

export function sorted(params: URLSearchParams): string {
  return new URLSearchParams([...params].sort()).toString();
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([name, one]) => [name, inOrder(one)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Throws for what is no recording. */
export function loadRecording(file: Buffer): Recorded {
  const isPacked = file.length >= 4 && file.readUInt32LE(0) === 0xfd2fb528;
  const lines = (isPacked ? zstdDecompressSync(file) : file).toString('utf8').split('\n').filter(Boolean);
  const [head, ...rest] = lines.map((line, index) => parsed(line, index + 1));
  if (head?.sluice !== 'recording' || head.version !== 1)
    throw new Error('this is no recording of `sluice record`, or one of a newer version');
  const lists = new Map<string, unknown[]>();
  const replies = new Map<string, RecordedReply>();
  for (const line of rest) {
    if (typeof line.list === 'string') {
      const items = lists.get(`${line.list}?${line.query}`) ?? [];
      lists.set(`${line.list}?${line.query}`, items);
      if ('item' in line) items.push(line.item);
    } else {
      const reply = line as unknown as RecordedReply;
      replies.set(keyOf(reply.method, reply.path, new URLSearchParams(reply.query), reply.body), reply);
    }
  }
  return { at: String(head.at), sources: head.sources as RecordedSource[], lists, replies };
}

function parsed(line: string, number: number): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new Error(`line ${number} of the recording is no JSON`);
  }
}
