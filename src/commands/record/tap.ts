/** Sees what a vendor answers, whole, before anything else reads it. */
import type { HttpClient, HttpReply, HttpRequest, HttpStreamer } from '../../api/http.ts';

interface Http {
  request: HttpClient;
  stream: HttpStreamer;
}

type See = (request: HttpRequest, status: number, body: Buffer) => void;

/** A longer reply that is read part by part is not kept. */
const MOST_BYTES = 64 * 1024 * 1024;

export function tapped({ request, stream }: Http, see: See): Http {
  return {
    async request(asked) {
      const reply: HttpReply = await request(asked);
      see(asked, reply.status, reply.body);
      return { ...reply, headers: withoutValidators(reply.headers) };
    },
    async stream(asked) {
      const reply = await stream(asked);
      return { ...reply, body: copied(reply.body, (body) => see(asked, reply.status, body)) };
    },
  };
}

/** Each reply is to be seen whole, however often it is asked for. */
function withoutValidators(headers: HttpReply['headers']): HttpReply['headers'] {
  return { get: (name) => (/^(?:etag|last-modified)$/i.test(name) ? null : headers.get(name)) };
}

/** Only a body that was read to its end is a reply. */
async function* copied(body: AsyncIterable<Buffer>, see: (body: Buffer) => void): AsyncGenerator<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) chunks.push(Buffer.from(chunk));
    yield chunk;
  }
  if (bytes <= MOST_BYTES) see(Buffer.concat(chunks));
}
