/**
 * A *part* is a source or a sink with the client that it holds. What a library throws outside any promise, in a callback
 * of a socket, is the failure of the part that called it: that one is closed and opened again, and the others go on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Logger } from 'pino';
import { messageOf, SluiceError } from '../api/errors.ts';

export interface Parts {
  /** Runs `work` so that whatever fails in its callbacks, however late, is told to `fail`. */
  run<T>(part: Part, work: () => T): T;
  /** To be called with what nobody caught, while it is being handled. Says whether it is the failure of a part. */
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

/** Something with a client that may have to be opened again. */
export interface Reopened<Client> {
  /** Calls the client; rejects with `retry` when it fails meanwhile outside of the call, and `broken` aborts then. */
  call<T>(work: (client: Client, broken: AbortSignal) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Opened<Client> {
  client: Promise<Client>;
  broken: AbortController;
  /** Calls under way. */
  calls: Set<(error: unknown) => void>;
}

/** `name` is how messages call the part: `sink "elastic"`. The client is opened by the first call. */
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
      const advice = 'Sluice goes on by itself. If this comes again and again, look at what answers there.';
      for (const reject of calls) reject(new SluiceError(what, { action: 'retry', advice, cause: error }));
      broken?.abort();
      void client?.then((one) => one.close()).catch(() => {}); // it is broken already
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
