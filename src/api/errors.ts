/**
 * What to do about an error:
 * - `retry`: the same call may succeed later
 * - `reauthenticate`: a new token first
 * - `reject`: this document, or this request, is refused for good
 * - `skip`: this record is gone
 * - `walk-again`: the list moved under the walk
 * - `forbidden`: the vendor does not allow it; whether that may pass depends on whether it ever did
 * - `stop`: nothing helps but a person (configuration, permission)
 */
export type Action = 'retry' | 'reauthenticate' | 'reject' | 'skip' | 'walk-again' | 'forbidden' | 'stop';

export interface ErrorOptions {
  action: Action;
  /** Milliseconds to wait before a retry, when the other side said so. */
  waitMs?: number;
  /** What a person can do about it, as a sentence. */
  advice?: string;
  /** `usage` ends the process with exit code 2, everything else with 1. */
  kind?: 'usage' | 'failure';
  /** Whoever asked would have met it: calls of the same kind (a rate limit), or all of the source (a token). It says nothing about this request. */
  general?: 'route' | 'source';
  /** Nothing was sent, since calls of this kind were refused while it waited for its turn. */
  isUnsent?: boolean;
  /**
   * The vendor lets nobody of this source in: its credentials, its address or its certificate. A person has to mend it,
   * perhaps at the vendor's, so that `run` waits for that; who runs a command is told at once.
   */
  isLockedOut?: boolean;
  /** The reply exceeds a bound: less may be asked for. */
  isTooLarge?: boolean;
  /** The HTTP status, where there was an answer. */
  status?: number;
  /** The message, where it has several lines of its own: no line feed of foreign text makes another. */
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

/** The action an error carries; an unexpected error stops. */
export function actionOf(error: unknown): Action {
  return error instanceof SluiceError ? error.action : 'stop';
}

/** Whether anybody would have met it: the walk waits then, and no record or child is to blame. */
export function isGeneral(error: unknown): boolean {
  return error instanceof SluiceError && error.general !== undefined;
}

/** Whether the error came from an abort that we asked for. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** The message, and what can be done about it. */
export function messageWithAdvice(error: unknown): string {
  const advice = error instanceof SluiceError ? error.advice : undefined;
  return advice === undefined ? messageOf(error) : `${messageOf(error)} → ${advice}`;
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
