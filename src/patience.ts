/**
 * How long one request is tried again, and who waits with it: the same for all vendors.
 *
 * A refusal that anybody would have met (a rate limit, a token) is no failure of the request that met it. It holds its
 * *route*, the calls of one kind, and the whole source when a second route is refused meanwhile: after the first refusal
 * only what is under way is still sent. When the hold is over one request goes first; the others follow when it succeeds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from './errors.ts';
import { pauseMs } from './retry.ts';
import type { ConnectorServices, VendorRequest } from './types.ts';

/** What is not asked for patiently is given up after so many failures of its own. */
const FEW_ATTEMPTS = 8;
/** One record is given up sooner, within a poll: it is owed, and asked for again beside the others. */
const BRIEF_ATTEMPTS = 3;
/** A request that was refused so often, while others of its kind were answered, is refused for itself. */
const REFUSED_ALONE = 4;
/** What lasts longer than this is said, and said again as often. */
const SAY_AFTER_MS = 60_000;
/** A hold without `Retry-After` grows up to this. */
const LONGEST_HOLD_MS = 300_000;

export type Asked = Pick<VendorRequest, 'retry' | 'signal' | 'scope' | 'path' | 'route' | 'wasAllowed'>;

export type Patience = <T>(request: Asked, call: Call<T>) => Promise<T>;

/** One attempt. `isHeld` is to be asked at the last moment before it is sent: others may have been refused meanwhile. */
export type Call<T> = (isHeld: () => boolean) => Promise<T>;

interface Gate {
  /** Until when nothing is sent, in lived time. */
  heldUntilMs: number;
  /** Refusals in a row. */
  refusals: number;
  /** The one that goes first after a hold. */
  probe: Promise<void> | undefined;
  successes: number;
  /** When it was said last that it is waited for. */
  saidAtMs: number;
}

function openGate(): Gate {
  return { heldUntilMs: 0, refusals: 0, probe: undefined, successes: 0, saidAtMs: Number.NEGATIVE_INFINITY };
}

/** One for each connection. */
export function createPatience(
  services: Pick<ConnectorServices, 'retry' | 'now' | 'log' | 'lived' | 'onRefusal'>,
): Patience {
  const now = services.lived ?? (() => performance.now());
  const source = openGate();
  const routes = new Map<string, Gate>();
  const gateOf = (request: Asked): Gate => {
    const name = request.route ?? request.scope;
    const gate = routes.get(name) ?? openGate();
    routes.set(name, gate);
    return gate;
  };
  const hold = (gate: Gate, error: SluiceError): void => {
    const isHeld = gate.heldUntilMs > now(); // what was under way when the first was refused counts once with it
    if (!isHeld) gate.refusals++;
    const waitMs = error.waitMs ?? (isHeld ? 0 : pauseMs(error, gate.refusals, services.retry));
    gate.heldUntilMs = Math.max(gate.heldUntilMs, now() + waitMs);
    const isSecond = [...routes.values()].some((other) => other !== gate && other.heldUntilMs > now());
    if (error.general === 'source' || isSecond) source.heldUntilMs = Math.max(source.heldUntilMs, gate.heldUntilMs);
  };

  return async (request, call) => {
    const gate = gateOf(request);
    const startedAtMs = now();
    const successesBefore = gate.successes;
    const left = () => services.retry.deadlineMs - (now() - startedAtMs);
    let failures = 0; // of this request itself
    let refusals = 0;
    let successesAtRefusal: number | undefined;
    const isHeld = () => Math.max(gate.heldUntilMs, source.heldUntilMs) > now();
    let last: SluiceError | undefined;
    for (let attempt = 1; ; attempt++) {
      const passage = await pass(gate, source, { request, now, left, last });
      try {
        const result = await call(isHeld);
        gate.successes++;
        gate.refusals = 0;
        return result;
      } catch (error) {
        request.signal.throwIfAborted();
        if (!(error instanceof SluiceError)) throw error;
        if (error.action === 'forbidden') checkScope(request, error, gate, attempt);
        else if (error.action !== 'retry') throw error;
        if (error.isUnsent) continue;
        services.onRefusal?.(error);
        last = error;
        if (Math.min(now() - startedAtMs, now() - gate.saidAtMs) >= SAY_AFTER_MS) {
          gate.saidAtMs = now();
          services.log.warn(`still waiting after ${Math.round((now() - startedAtMs) / 1000)} s: ${error.message}`);
        }
        if (error.general !== undefined) {
          if (error.general === 'route') refusals++; // a token is never refused to one record alone
          successesAtRefusal ??= gate.successes;
          const isAlone = refusals >= REFUSED_ALONE && gate.successes > successesAtRefusal;
          if (isAlone && request.retry === 'brief') throw ofItself(error);
          hold(gate, error);
          if (left() <= 0) throw error;
          continue;
        }
        failures++;
        const waitMs = pauseMs(error, failures, services.retry);
        const othersSucceed = gate.successes > successesBefore;
        if (waitMs > left() || isGivenUp(request, failures)) throw givenUp(error, request, othersSucceed);
        services.log.debug({ attempt, waitMs: Math.round(waitMs) }, `trying again: ${error.message}`);
        passage.end();
        await sleep(waitMs, undefined, { signal: request.signal });
      } finally {
        passage.end();
      }
    }
  };
}

/**
 * A scope that has worked is not missing: the refusal is waited for. Where it never worked it is, once others had their
 * chance: the detail of one record may be forbidden beside others that are not.
 */
function checkScope({ retry, scope, wasAllowed, path }: Asked, error: SluiceError, gate: Gate, attempt: number): void {
  const hasWorked = wasAllowed === true || gate.successes > 0;
  if (hasWorked || (retry === 'brief' && attempt < BRIEF_ATTEMPTS)) return;
  const what = scope === '' ? '' : `: the scope "${scope}" is missing`;
  throw new SluiceError(`the vendor does not allow ${path}${what} (${error.message})`, {
    action: 'stop',
    advice: `Grant the application the scope "${scope}" in the console (Settings > Integrations) and start again.`,
    cause: error,
  });
}

/** What is forbidden beside others that are allowed is this record's own; everything else may pass. */
function givenUp(error: SluiceError, request: Asked, othersSucceed: boolean): SluiceError {
  if (error.action !== 'forbidden') return error;
  if (request.retry === 'brief' && othersSucceed)
    return new SluiceError(error.message, { action: 'reject', cause: error });
  const waitMs = Math.max(error.waitMs ?? 0, LONGEST_HOLD_MS);
  const advice = `Is the scope "${request.scope}" still granted in the console? It has worked before, so it is tried again.`;
  return new SluiceError(error.message, { action: 'retry', waitMs, advice, cause: error });
}

function isGivenUp({ retry = 'patient' }: Asked, failures: number): boolean {
  return retry !== 'patient' && failures >= (retry === 'brief' ? BRIEF_ATTEMPTS : FEW_ATTEMPTS);
}

/** Others of its kind were answered before and after: it is not the route that is refused. */
function ofItself(error: SluiceError): SluiceError {
  return new SluiceError(error.message, { action: 'retry', waitMs: error.waitMs, advice: error.advice, cause: error });
}

interface Passing {
  request: Asked;
  now: () => number;
  left: () => number;
  /** What the request met last; without it, it was never sent. */
  last: SluiceError | undefined;
}

/** Waits while the route or the source is held. Throws what is known of the hold where it is longer than the request may wait. */
async function pass(gate: Gate, source: Gate, { request, now, left, last }: Passing): Promise<{ end(): void }> {
  for (;;) {
    request.signal.throwIfAborted();
    const waitMs = Math.max(gate.heldUntilMs, source.heldUntilMs) - now();
    if (waitMs > 0) {
      if (waitMs > left()) {
        throw new SluiceError(last?.message ?? `${request.path} is held, since the vendor refused calls of its kind`, {
          ...{ action: 'retry', general: 'route', waitMs, advice: last?.advice, cause: last },
        });
      }
      await sleep(waitMs, undefined, { signal: request.signal });
    } else if (gate.probe !== undefined) await gate.probe;
    else break;
  }
  if (gate.heldUntilMs === 0) return { end() {} };
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.probe = promise;
  gate.heldUntilMs = 0;
  return {
    end() {
      if (gate.probe === promise) gate.probe = undefined;
      resolve();
    },
  };
}
