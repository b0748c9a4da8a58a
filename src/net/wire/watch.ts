/** A timeout that only runs while the other side is waited for: a slow sink is not the vendor's fault. */
export interface Watch {
  run(): void;
  halt(): void;
  /** All of the time is left again. To be called while it does not run. */
  renew(): void;
}

export function createWatch(timeoutMs: number, over: () => void): Watch {
  let leftMs = timeoutMs;
  let sinceMs = 0;
  let timer: NodeJS.Timeout | undefined;
  return {
    run() {
      if (timer !== undefined) return;
      sinceMs = performance.now();
      timer = setTimeout(over, Math.max(0, leftMs));
    },
    halt() {
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = undefined;
      leftMs -= performance.now() - sinceMs;
    },
    renew() {
      leftMs = timeoutMs;
    },
  };
}
