/**
 * Decides how long one request is repeated, and which others wait meanwhile: the same for all vendors.
 *
 * A general refusal (of a rate limit, of a token) is no failure of the request that met it. It holds the *route* of the
 * request, and the whole source when a second route is refused meanwhile: after the first refusal, only requests that are
 * under way are still sent (`gate.ts`).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VendorRequest } from '../api/client.ts';
import type { ConnectorServices } from '../api/connector.ts';
import { messageWithAdvice, SluiceError, stopError } from '../api/errors.ts';
import { type Gate, hold, isRefusedAlone, openGate, type Passage, pass, REFUSED_ALONE } from './gate.ts';
import { createRefusals, FORBIDDEN_FOR_MS, SAY_AFTER_MS, WHOLE_SOURCE } from './refusals.ts';
import { pauseMs } from './retry.ts';

/** A request with `retry: few` is given up after so many failures of its own. */
const FEW_ATTEMPTS = 8;
/** A request for one record is given up sooner, within a poll: the record is owed, and requested again later. */
const BRIEF_ATTEMPTS = 3;
/** A vendor that refuses the credentials is asked again after these pauses, with the secret as it is then. */
const FIRST_LOCKED_OUT_MS = 2000;
const LONGEST_LOCKED_OUT_MS = 300_000;
/** The pause between requests of a route that has been forbidden for long. */
const FORBIDDEN_PAUSE_MS = 300_000;

export type Asked = Pick<VendorRequest, 'retry' | 'signal' | 'scope' | 'path' | 'body' | 'route' | 'wasAllowed'>;

type RetryPolicy = <T>(request: Asked, call: Call<T>) => Promise<T>;

/** One attempt. It calls `isHeld` just before the request is sent: others may have been refused meanwhile. */
type Call<T> = (isHeld: () => boolean) => Promise<T>;

interface RetryPolicyServices extends Pick<ConnectorServices, 'retry' | 'log' | 'lived' | 'refusals'> {
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Makes the retry policy of one connection. */
export function createRetryPolicy(services: RetryPolicyServices): RetryPolicy {
  const now = services.lived ?? (() => performance.now());
  const nap = services.sleep ?? ((ms, signal) => sleep(ms, undefined, { signal }));
  const refusals = services.refusals ?? createRefusals(now);
  const source = openGate();
  const routes = new Map<string, Gate>();
  const saidAtMs = new Map<string, number>();

  const gateOf = (route: string): Gate => {
    const gate = routes.get(route) ?? openGate();
    routes.set(route, gate);
    return gate;
  };
  /** Logs a lasting refusal once a minute, however often it is met. */
  const say = (route: string, error: SluiceError, sinceMs: number): void => {
    const lastsMs = Math.max(refusals.lastsMs(route) ?? 0, now() - sinceMs);
    if (lastsMs < SAY_AFTER_MS || now() - (saidAtMs.get(route) ?? Number.NEGATIVE_INFINITY) < SAY_AFTER_MS) return;
    saidAtMs.set(route, now());
    services.log.warn(`still waiting after ${Math.round(lastsMs / 1000)} s: ${messageWithAdvice(error)}`);
  };
  /** Holds a gate because of a general refusal. */
  const refuse = (gate: Gate, error: SluiceError, passage: Passage): void => {
    const isHeld = gate.heldUntilMs > now(); // requests under way at the first refusal count once with it
    if (!isHeld) gate.refusals++;
    const waitMs = error.waitMs ?? (isHeld ? 0 : holdMs(error, gate.refusals, services));
    hold(gate, error, now() + waitMs);
    // Logged once for all requests that wait: each stream has several walks.
    if (error.isLockedOut && !isHeld)
      services.log.warn(`no request of this source gets through for now: ${messageWithAdvice(error)}`);
    if (gate === source) return;
    const isSecond = [...routes.values()].some((other) => other !== gate && other.heldUntilMs > now());
    if (isSecond) hold(source, error, gate.heldUntilMs);
    else if (passage.isProbeOf(source)) source.isOpen = false; // another route tries next, one request again
  };
  const answered = (gate: Gate, request: Asked): void => {
    gate.successes++;
    source.successes++;
    gate.refusals = 0;
    source.refusals = 0;
    for (const { suspects } of [gate, source]) suspects.delete(recordOf(request));
    gate.forbidden.clear();
    refusals.answered(request.route);
    refusals.answered(WHOLE_SOURCE);
  };

  return async (request, call) => {
    const { route } = request;
    const gate = gateOf(route);
    const startedAtMs = now();
    const successesBefore = gate.successes;
    const left = () => services.retry.deadlineMs - (now() - startedAtMs);
    const isHeld = () => Math.max(gate.heldUntilMs, source.heldUntilMs) > now();
    let failures = 0; // those of this request itself, without general refusals
    const onHeld = (by: Gate, forMs: number): void => {
      const { heldBy } = by;
      if (heldBy === undefined) return;
      if (forMs > left() || heldBy.action !== 'retry') throw heldUp(heldBy, request, forMs);
      say(by === source ? WHOLE_SOURCE : route, heldBy, startedAtMs);
    };
    const record = request.retry === 'brief' ? recordOf(request) : undefined;
    const passing = { gates: [gate, source] as const, record, signal: request.signal, now, sleep: nap, onHeld };
    for (let attempt = 1; ; attempt++) {
      const passage = await pass(passing);
      try {
        const result = await call(isHeld);
        answered(gate, request);
        return result;
      } catch (thrown) {
        request.signal.throwIfAborted();
        if (!(thrown instanceof SluiceError)) throw thrown;
        if (thrown.isUnsent) continue;
        if (thrown.general !== 'source' && thrown.status !== undefined) refusals.answered(WHOLE_SOURCE); // the credentials were accepted
        if (thrown.action === 'forbidden') checkScope(request, thrown, gate, attempt);
        else if (thrown.action !== 'retry' && !thrown.isLockedOut) throw thrown;
        const error = thrown.isLockedOut && source.successes > 0 ? worthWaiting(thrown) : thrown;
        refusals.count(error);
        if (error.general !== undefined) {
          const isOfSource = error.general === 'source';
          const held = isOfSource ? source : gate;
          if (record === undefined) held.refused++;
          // All requests share a token: one that ends too early is refused in many requests, and in some again and again.
          else if (isRefusedAlone(held, record, isOfSource ? Number.POSITIVE_INFINITY : REFUSED_ALONE))
            throw ofItself(error);
          const name = isOfSource ? WHOLE_SOURCE : route;
          refusals.waits(name, error);
          say(name, error, startedAtMs);
          refuse(held, error, passage);
          if (error.action !== 'retry' || left() <= 0) throw heldUp(error, request, held.heldUntilMs - now());
          continue;
        }
        failures++;
        if (record !== undefined && error.action === 'forbidden') gate.forbidden.add(record);
        if (record === undefined || gate.forbidden.size > 1) refusals.waits(route, error); // the refusal concerns more than one record
        say(route, error, startedAtMs);
        const isForbiddenLong = refusals.forbiddenMs(route) >= FORBIDDEN_FOR_MS;
        if (isForbiddenLong) hold(gate, error, now() + Math.max(FORBIDDEN_PAUSE_MS, error.waitMs ?? 0));
        const waitMs = pauseMs(error, failures, services.retry);
        const othersSucceed = gate.successes > successesBefore;
        if (isForbiddenLong || waitMs > left() || isGivenUp(request, failures))
          throw givenUp(error, request, othersSucceed);
        services.log.debug({ attempt, waitMs: Math.round(waitMs) }, `trying again: ${error.message}`);
        passage.end();
        await nap(waitMs, request.signal);
      } finally {
        passage.end();
      }
    }
  };
}

/** Identifies the record that a request is for. */
function recordOf({ path, body }: Asked): string {
  return body === undefined ? path : `${path} ${JSON.stringify(body)}`;
}

/** How long a refusal without `Retry-After` holds its route or source. */
function holdMs(error: SluiceError, refusals: number, { retry }: Pick<ConnectorServices, 'retry'>): number {
  if (!error.isLockedOut) return pauseMs(error, refusals, retry);
  return Math.min(LONGEST_LOCKED_OUT_MS, FIRST_LOCKED_OUT_MS * 2 ** Math.min(refusals - 1, 20));
}

/** Credentials that were accepted before may be accepted again. */
function worthWaiting(error: SluiceError): SluiceError {
  return new SluiceError(error.message, { ...error, action: 'retry', cause: error });
}

/**
 * The error of a request that is not sent, or that does not wait any longer. A request for one record does not wait while
 * its route is forbidden: the record is owed.
 */
function heldUp(by: SluiceError, request: Asked, waitMs: number): SluiceError {
  if (by.action === 'forbidden') return givenUp(new SluiceError(by.message, { ...by, waitMs }), request, false);
  return new SluiceError(by.message, { ...by, waitMs, general: by.general ?? 'route', cause: by });
}

/**
 * Throws `stop` when the scope is missing. A scope that has worked before is not missing: its refusal counts as temporary.
 * A request for one record is tried a few times first, since its detail may be forbidden beside others that are not.
 */
function checkScope({ retry, scope, wasAllowed, path }: Asked, error: SluiceError, gate: Gate, attempt: number): void {
  const hasWorked = wasAllowed === true || gate.successes > 0;
  if (hasWorked || (retry === 'brief' && attempt < BRIEF_ATTEMPTS)) return;
  const what = scope === '' ? '' : `: the scope "${scope}" is missing`;
  throw stopError(
    `the vendor does not allow ${path}${what} (${error.message})`,
    error.advice ??
      `Grant the application the scope "${scope}" in the console (Settings > Integrations) and start again.`,
    error,
  );
}

/** A record that is forbidden while others are allowed is refused for good; any other refusal is temporary. */
function givenUp(error: SluiceError, request: Asked, othersSucceed: boolean): SluiceError {
  if (error.action !== 'forbidden') return error;
  if (request.retry === 'brief' && othersSucceed)
    return new SluiceError(error.message, { action: 'reject', cause: error });
  const waitMs = Math.max(error.waitMs ?? 0, FORBIDDEN_PAUSE_MS);
  const advice =
    error.advice ??
    `Is the scope "${request.scope}" still granted in the console? It has worked before, so it is tried again.`;
  return new SluiceError(error.message, { action: 'retry', waitMs, advice, cause: error });
}

function isGivenUp({ retry = 'patient' }: Asked, failures: number): boolean {
  return retry !== 'patient' && failures >= (retry === 'brief' ? BRIEF_ATTEMPTS : FEW_ATTEMPTS);
}

/** The refusal as one of this record alone, since others were answered before and after. */
function ofItself(error: SluiceError): SluiceError {
  return new SluiceError(error.message, { action: 'retry', waitMs: error.waitMs, advice: error.advice, cause: error });
}
