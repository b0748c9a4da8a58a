/**
 * A *part* is a source or a sink with the client that it holds. What a library throws outside any promise, in a callback
 * of a socket, is the failure of the part that called the library: that part is closed and opened again, the others go on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import { messageOf, SluiceError } from '../api/errors.ts';

export interface Parts {
  /** Runs `work` so that `part.fail` is called for each failure in its callbacks, however late. */
  run<T>(part: Part, work: () => T): T;
  /** Must be called within the handler of an uncaught error. Returns whether the error is the failure of a part. */
  failed(error: unknown): boolean;
}

interface Part {
  fail(error: unknown): void;
}

export function createParts(): Parts {
  const running = new AsyncLocalStorage<Part>();
  return {
    run: (part, work) => running.run(part, work),
    failed(error) {
      const part = running.getStore();
      if (part === undefined) return false;
      running.exit(() => part.fail(error));
      return true;
    },
  };
}

/** A part whose client is opened again after a failure. */
export interface Reopened<Client> {
  /** Calls the client. When the client fails meanwhile outside of the call, `broken` aborts and the call rejects with `retry`. */
  call<T>(work: (client: Client, broken: AbortSignal) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Opened<Client> {
  client: Promise<Client>;
  broken: AbortController;
  /** Calls under way. */
  calls: Set<(error: unknown) => void>;
}

/** `name` is the name of the part in messages: `sink "elastic"`. The first call opens the client. */
export function reopened<Client extends { close(): void | Promise<void> }>(
  name: string,
  open: () => Client | Promise<Client>,
  { parts, log }: { parts: Parts; log: Logger },
): Reopened<Client> {
  let opened: Opened<Client> | undefined;
  const part: Part = {
    fail(error) {
      const { client, broken, calls = [] } = opened ?? {};
      opened = undefined;
      const what = `${name}: its client failed: ${messageOf(error)}`;
      log.error({ err: error }, `${what}; it is closed, and opened again`);
      const advice =
        'Sluice goes on by itself. If this happens again and again, look at the server that answers there.';
      for (const reject of calls) reject(new SluiceError(what, { action: 'retry', advice, cause: error }));
      broken?.abort();
      void client?.then((one) => one.close()).catch(() => {}); // the client is broken already
    },
  };
  return {
    call: (work) =>
      parts.run(part, async () => {
        opened ??= { client: Promise.resolve().then(open), broken: new AbortController(), calls: new Set() };
        const { client, broken, calls } = opened;
        const { promise, reject } = Promise.withResolvers<never>();
        calls.add(reject);
        try {
          return await Promise.race([promise, client.then((one) => work(one, broken.signal))]);
        } finally {
          calls.delete(reject);
        }
      }),
    close: () => parts.run(part, async () => (await opened?.client)?.close()),
  };
}
