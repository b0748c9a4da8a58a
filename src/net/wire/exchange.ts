/** One request and its reply over `node:http`: no redirects, no unpacking, nothing made that is not needed (decision 0089). */
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HttpReply, HttpRequest } from '../../api/http.ts';
import { createWatch, type Watch } from './watch.ts';

/** A reply whose body is not read yet. */
export interface Exchange {
  message: IncomingMessage;
  headers: HttpReply['headers'];
  /** Runs while the other side is waited for. */
  watch: Watch;
  /** Forgets the request's signal and the watch; breaks off what was not read to its end. Must be called in any case. */
  close(): void;
}

/** What a request that is broken off by its own signal rejects with, or by the watch. */
const BROKEN_OFF = { name: 'AbortError' };

/**
 * Resolves with the reply's headers. Rejects with an `AbortError` when the signal aborts or the time is over, which is also
 * what reading the body then throws. Throws at once for what cannot be sent: a header with characters that none may have.
 */
export function exchange(
  { method, url, body, signal }: Pick<HttpRequest, 'method' | 'url' | 'body' | 'signal'>,
  headers: Record<string, string>,
  agentOf: (url: URL) => Agent,
  timeoutMs: number,
): Promise<Exchange> {
  const to = new URL(url);
  const send = to.protocol === 'http:' ? httpRequest : httpsRequest;
  const sent = send(to, { method, headers, agent: agentOf(to) });
  return new Promise((resolve, reject) => {
    let message: IncomingMessage | undefined;
    const end = () => void (message ?? sent).destroy(Object.assign(new Error('it was broken off'), BROKEN_OFF));
    const watch = createWatch(timeoutMs, end);
    const forget = () => {
      watch.halt();
      signal.removeEventListener('abort', end);
    };
    signal.addEventListener('abort', end);
    sent.on('response', (reply: IncomingMessage) => {
      message = reply;
      reply.on('error', ignored); // thrown where the body is read, if anybody still reads it
      watch.halt();
      const close = () => {
        forget();
        if (!reply.readableEnded) reply.destroy();
      };
      resolve({ message: reply, headers: headersOf(reply), watch, close });
    });
    sent.on('error', (error) => {
      if (message === undefined) forget();
      reject(error); // without effect once there is a reply
    });
    watch.run();
    sent.end(body);
  });
}

function ignored(): void {}

/** A name may be written in any casing. */
function headersOf({ headers }: IncomingMessage): HttpReply['headers'] {
  return {
    get(name) {
      const value = headers[name.toLowerCase()];
      if (value === undefined) return null;
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
