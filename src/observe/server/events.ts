/** Server-sent events: the status for everybody who looks, made once for all of them, and not at all while nobody looks. */
import type { ServerResponse } from 'node:http';

export interface Events {
  /** Returns false where too many look already. */
  add(response: ServerResponse): boolean;
  close(): void;
}

const EVERY_MS = 2000;
const MOST_CLIENTS = 100;
/** A browser that takes so little misses updates, instead of having them kept for it. */
const MOST_BEHIND_BYTES = 1024 * 1024;

/** `make` is the text of one line. */
export function createEvents(make: () => string, everyMs = EVERY_MS): Events {
  const clients = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  const frame = (): string => `data: ${make()}\n\n`;
  const tick = (): void => {
    const text = frame();
    for (const client of clients) if (client.writableLength < MOST_BEHIND_BYTES) client.write(text);
  };
  return {
    add(response) {
      if (clients.size >= MOST_CLIENTS) return false;
      response.writeHead(200, {
        ...{ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
        'x-accel-buffering': 'no',
      });
      clients.add(response);
      response.on('close', () => {
        clients.delete(response);
        if (clients.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      });
      response.write(`retry: ${everyMs}\n${frame()}`);
      timer ??= setInterval(tick, everyMs);
      return true;
    },
    close() {
      clearInterval(timer);
      for (const client of clients) client.end();
    },
  };
}
