/** Which scopes the credentials of a source lack, all of them at once: also those behind a list that is itself refused. */

import type { VendorClient } from '../../api/client.ts';
import type { StreamName } from '../../api/document.ts';
import { SluiceError } from '../../api/errors.ts';
import type { PipelinePlan } from '../../engine/build.ts';

/** Whether a scope is granted, as far as requests have shown. */
type Seen = Map<string, boolean>;

export interface Scopes {
  /** The source's plans, with a client that notes what each request shows. */
  plans: PipelinePlan[];
  /** Makes requests for the scopes that none has shown yet. */
  missing(signal: AbortSignal): Promise<Missing[]>;
}

export interface Missing {
  scope: string;
  streams: StreamName[];
  /** No request of a stream met it. */
  isBehind: boolean;
}

/** Watches what the streams of one source ask for. */
export function watchScopes(plans: readonly PipelinePlan[]): Scopes {
  const seen: Seen = new Map();
  const watched = plans.map((plan) => ({ ...plan, client: watching(plan.client, seen) }));
  return {
    plans: watched,
    async missing(signal) {
      const met = new Set(seen.keys());
      await Promise.all(watched.map((plan) => askForOthers(plan, seen, signal)));
      const lacking = [...seen].filter(([, isThere]) => !isThere).map(([scope]) => scope);
      return lacking.map((scope) => {
        const users = plans.filter(({ registered }) => registered.stream.about.scopes.includes(scope));
        const streams = users.map(({ registered }) => registered.stream.name);
        return { scope, streams: [...new Set(streams)], isBehind: !met.has(scope) };
      });
    },
  };
}

function watching(client: VendorClient, seen: Seen): VendorClient {
  const note = (scope: string, error?: unknown) => {
    if (scope === '') return;
    if (error === undefined) seen.set(scope, true);
    else if (isRefusedScope(error) && !seen.has(scope)) seen.set(scope, false);
  };
  return {
    ...client,
    async json(request) {
      try {
        const reply = await client.json(request);
        note(request.scope);
        return reply;
      } catch (error) {
        note(request.scope, error);
        throw error;
      }
    },
    async *parts(request) {
      try {
        for await (const part of client.parts(request)) {
          note(request.scope);
          yield part;
        }
      } catch (error) {
        note(request.scope, error);
        throw error;
      }
    },
  };
}

function isRefusedScope(error: unknown): boolean {
  return error instanceof SluiceError && error.cause instanceof SluiceError && error.cause.action === 'forbidden';
}

/** Ids that no record has: a request that is allowed is answered that there is no such record. */
const NOBODY = { sha256: '0'.repeat(64), id: '00000000-0000-0000-0000-000000000000' };

/** The scopes of a stream stand in the order of its endpoints. */
async function askForOthers({ registered, client }: PipelinePlan, seen: Seen, signal: AbortSignal): Promise<void> {
  const { endpoints, scopes } = registered.stream.about;
  const others = scopes.flatMap((scope, index) =>
    scope === '' || seen.has(scope) ? [] : [{ scope, endpoint: endpoints[index] }],
  );
  for (const { scope, endpoint = '' } of others) {
    const [, template] = /^GET (\S+)$/.exec(endpoint) ?? [];
    if (template === undefined) continue;
    const path = template.replace('{sha256}', NOBODY.sha256).replace(/\{\w+\}/, NOBODY.id);
    const request = { path, route: template, scope, priority: 'live' as const, signal, retry: 'few' as const };
    await client.json({ ...request, accept: () => undefined }).catch(() => signal.throwIfAborted()); // any other error says that the scope is granted
  }
}
