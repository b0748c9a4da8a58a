/** Decodes a reply's bytes by the character set that its sender used. */
import { TextDecoder } from 'node:util';
import type { HttpReply } from './http.ts';

const BYTE_ORDER_MARKS: readonly [charset: string, mark: readonly number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16be', [0xfe, 0xff]],
  ['utf-16le', [0xff, 0xfe]],
];

type Headers = Pick<HttpReply['headers'], 'get'>;

/** The decoder for a body: by the byte order mark at its start, else by its `content-type`, else UTF-8. The mark is skipped. */
export function decoderOf(headers: Headers, start: Uint8Array): TextDecoder {
  const marked = BYTE_ORDER_MARKS.find(([, mark]) => mark.every((byte, index) => start[index] === byte));
  const [, said] = /charset\s*=\s*"?([^\s";,]+)/i.exec(headers.get('content-type') ?? '') ?? [];
  try {
    return new TextDecoder(marked?.[0] ?? said ?? 'utf-8');
  } catch {
    return new TextDecoder('utf-8'); // an unknown charset
  }
}

export function textOfReply({ headers, body }: Pick<HttpReply, 'headers' | 'body'>): string {
  const decoder = decoderOf(headers, body);
  if (decoder.encoding !== 'utf-8') return decoder.decode(body);
  return body.toString('utf8', body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0); // the fastest way by far
}
