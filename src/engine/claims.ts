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
  /** Committed, or given up; who waits for it compares again. */
  release(claim: Claim): void;
  /** Resolves when this claim is released. Somebody else may have taken the key by then: look again, and take it at once. */
  released(claim: Claim): Promise<void>;
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
    released({ key }) {
      const released = waiting.get(key) ?? Promise.withResolvers<void>();
      waiting.set(key, released);
      return released.promise;
    },
    get size() {
      return claims.size;
    },
  };
}
