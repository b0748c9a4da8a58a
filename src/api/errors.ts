/**
 * What to do about an error:
 * - `retry`: the same call may succeed later
 * - `reauthenticate`: get a new token first
 * - `reject`: this document, or this request, is refused for good
 * - `skip`: this record does not exist any more
 * - `walk-again`: the list changed while it was read
 * - `forbidden`: the vendor does not allow the call; temporary if the vendor has ever allowed it
 * - `stop`: only a person can help (configuration, permission)
 */
export type Action = 'retry' | 'reauthenticate' | 'reject' | 'skip' | 'walk-again' | 'forbidden' | 'stop';

export interface ErrorOptions {
  action: Action;
  /** Milliseconds to wait before a retry, when the other side said so. */
  waitMs?: number;
  /** What a person can do about the error, as a sentence. */
  advice?: string;
  /** `usage` ends the process with exit code 2, everything else with 1. */
  kind?: 'usage' | 'failure';
  /** The error concerns all requests of the route (a rate limit) or of the source (a token), not just this one. */
  general?: 'route' | 'source';
  /** The request was not sent, since others of its route were refused while it waited for its turn. */
  isUnsent?: boolean;
  /**
   * The vendor accepts no request of this source, because of its credentials, address or certificate. A person has to fix
   * that, perhaps at the vendor, so `run` waits for it; other commands report it at once.
   */
  isLockedOut?: boolean;
  /** The reply exceeds a size limit: a request for fewer records may work. */
  isTooLarge?: boolean;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The lines of a message of several lines. Line feeds in foreign text do not start a new line. */
  lines?: readonly string[];
  cause?: unknown;
}

/** Every expected failure of Sluice. The message says what happened and where; it never holds a secret. */
export class SluiceError extends Error {
  readonly action: Action;
  readonly waitMs: number | undefined;
  readonly advice: string | undefined;
  readonly kind: 'usage' | 'failure';
  readonly general: 'route' | 'source' | undefined;
  readonly isUnsent: boolean;
  readonly isLockedOut: boolean;
  readonly isTooLarge: boolean;
  readonly status: number | undefined;
  readonly lines: readonly string[] | undefined;

  constructor(message: string, options: ErrorOptions) {
    super(message, { cause: options.cause });
    this.name = 'SluiceError';
    this.action = options.action;
    this.waitMs = options.waitMs;
    this.advice = options.advice;
    this.kind = options.kind ?? 'failure';
    this.general = options.general;
    this.isUnsent = options.isUnsent ?? false;
    this.isLockedOut = options.isLockedOut ?? false;
    this.isTooLarge = options.isTooLarge ?? false;
    this.status = options.status;
    this.lines = options.lines;
  }
}

/** Ends the advice on what holds up delivery. */
export const NOTHING_LOST = 'Nothing is lost: Sluice goes on where it stopped; start it again if it has ended.';

/** A mistake in the command line or the configuration: exit code 2. */
export function usageError(message: string, advice?: string, lines?: readonly string[]): SluiceError {
  return new SluiceError(message, { action: 'stop', kind: 'usage', advice, lines });
}

/** A failure that only a person can mend: exit code 1. */
export function stopError(message: string, advice: string, cause?: unknown): SluiceError {
  return new SluiceError(message, { action: 'stop', advice, cause });
}

/** The action of an error; `stop` for an unexpected one. */
export function actionOf(error: unknown): Action {
  return error instanceof SluiceError ? error.action : 'stop';
}

/** Whether the error concerns the whole route or source: the walk waits then, and no record or child is to blame. */
export function isGeneral(error: unknown): boolean {
  return error instanceof SluiceError && error.general !== undefined;
}

/** Whether the error comes from an abort or a timeout of our own. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** The message of an error, with its advice. */
export function messageWithAdvice(error: unknown): string {
  const advice = error instanceof SluiceError ? error.advice : undefined;
  return advice === undefined ? messageOf(error) : `${messageOf(error)} → ${advice}`;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
