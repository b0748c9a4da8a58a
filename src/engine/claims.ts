/** A record is *claimed* before it is delivered, so that two walks that meet it at the same time do not both ship it. */

/** A key on its way to the sink. */
export interface Claim {
  readonly key: string;
  /** The walk that ships it. */
  readonly walk: string;
  readonly fingerprint: string | null;
}

export interface Claims {
  of(key: string): Claim | undefined;
  /** The key must be free. */
  take(claim: Claim): Claim;
  /** The record is committed, or given up; walks that wait for it compare again. */
  release(claim: Claim): void;
  /**
   * Calls `decide` once the key is free, in the same turn, so that `decide` can take it before any other walk does.
   * Rejects when the signal is aborted after a wait.
   */
  whenFree<T>(key: string, decide: () => T, signal?: AbortSignal): Promise<T>;
  readonly size: number;
}

export function createClaims(): Claims {
  const claims = new Map<string, Claim>();
  /** Made only when somebody waits, which is rare. */
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  return {
    of: (key) => claims.get(key),
    take(claim) {
      claims.set(claim.key, claim);
      return claim;
    },
    release({ key }) {
      claims.delete(key);
      waiting.get(key)?.resolve();
      waiting.delete(key);
    },
    async whenFree(key, decide, signal) {
      while (claims.has(key)) {
        const released = waiting.get(key) ?? Promise.withResolvers<void>();
        waiting.set(key, released);
        await released.promise;
        signal?.throwIfAborted();
      }
      return decide();
    },
    get size() {
      return claims.size;
    },
  };
}
