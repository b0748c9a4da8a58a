/** Closed by a write or commit that failed: no walk writes until the sink was asked which documents arrived (`recover.ts`). */
export interface SinkGate {
  /** Why it is closed; undefined while it is open. */
  readonly failure: unknown;
  /** The first reason counts. */
  close(failure: unknown): void;
  open(): void;
}

export function createSinkGate(): SinkGate {
  let failure: unknown;
  return {
    get failure() {
      return failure;
    },
    close: (reason) => {
      failure ??= reason;
    },
    open: () => {
      failure = undefined;
    },
  };
}
