/** How long this instance may act for its sources without having heard from the group: its own clock says so, nobody has to reach it. */

export interface Lease {
  /** The group knew of us when this was sent, as it answered since. */
  renew(sentAt: Moment): void;
  /** The moment of a request that may renew it. */
  now(): Moment;
  holds(): boolean;
  /** The group has told us that we are not one of it. */
  end(): void;
  /** How long it still holds; 0 when it does not. */
  leftMs(): number;
}

/** The steady clock stands still while a machine sleeps, and the other may be set: the later of both counts. */
interface Moment {
  steadyMs: number;
  clockMs: number;
}

export function createLease(
  forMs: number,
  steady: () => number = performance.now.bind(performance),
  clock: () => number = Date.now,
): Lease {
  let renewed: Moment | undefined;
  const now = (): Moment => ({ steadyMs: steady(), clockMs: clock() });
  const leftMs = (): number => {
    if (renewed === undefined) return 0;
    const at = now();
    const ageMs = Math.max(at.steadyMs - renewed.steadyMs, at.clockMs - renewed.clockMs);
    return Math.max(0, forMs - ageMs);
  };
  return {
    now,
    renew(sentAt) {
      if (renewed === undefined || sentAt.steadyMs >= renewed.steadyMs) renewed = sentAt;
    },
    leftMs,
    holds: () => leftMs() > 0,
    end() {
      renewed = undefined;
    },
  };
}
