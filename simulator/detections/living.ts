import type { State } from '../attributes.ts';
import { fraction, SALT } from '../hash.ts';
import { arrivalsOf, LIVING_DEFAULTS, type LivingOptions } from '../living-options.ts';
import type { Lifecycle } from '../resource.ts';
import { createBits } from './bits.ts';
import { type Arrival, makePlan } from './living-plan.ts';
import { countPending, countWaiting, moreToCome, type Progress } from './living-progress.ts';
import type { Tenant } from './tenant.ts';

/**
 * A tenant that changes while it is read, in a way that leaves no doubt about what a perfect connector delivers: a
 * detection moves on only after its present state has been served whole, so no state can be missed by being too slow.
 */
export interface Living extends Lifecycle {
  /** The step a detection is at: to be kept with a reply, and handed back once that reply was sent. */
  stepOf(serial: number): number;
  /** The list named it: it can no longer vanish unseen. */
  listed(serial: number): void;
  /** The detail in the state of `step` was sent whole; or, where details fail for ever, the refusal was. */
  served(serial: number, step: number): void;
  /** The list item in the state of `step` was sent whole: counts only where details fail for ever. */
  itemServed(serial: number, step: number): void;
  /** The present state was served whole. */
  isServed(serial: number): boolean;
  wasListed(serial: number): boolean;
  /** The states so far, and whether it was deleted after them; undefined for one that never changes. */
  history(serial: number): { states: State[]; deleted: boolean } | undefined;
  confirm(serial: number, ordinal: number): void;
  /** How many detections there are and will be. */
  serials(): number;
}

const DAY = 86_400_000;
/** By how much clocks are ahead. */
const AHEAD_MS = [60_000, 3_600_000, DAY, 365 * DAY];
/** What a clock without its battery shows. */
const RESET_MS = Date.UTC(1980, 0, 1);

export function createLiving(
  tenant: Tenant,
  given: Required<LivingOptions> | undefined,
  fails: (serial: number) => boolean,
): Living {
  const { facts, order, timeline } = tenant;
  const options = given ?? LIVING_DEFAULTS;
  const plan = makePlan(facts, timeline.count, options, fails);
  const serials = timeline.count + arrivalsOf(options) + tenant.ties;
  const listedBits = createBits(serials);
  const servedBits = createBits(serials);
  const progress = new Map<number, Progress>();
  /** States that were served, oldest first: as all wait equally long, only the head can be due. */
  const dwelling: { serial: number; step: number; due: number }[] = [];
  const ready = new Set<number>();
  let head = 0;
  let nextEvent = 0;
  let requests = 0;
  let paused = false;
  let lastArrival = timeline.end;

  for (const [serial, stages] of plan.changes) {
    progress.set(serial, { stages, step: 0, confirmed: false, fading: stages.unseen });
    const [first] = stages.states;
    if (first) tenant.setState(serial, first);
  }

  const advance = (serial: number, entry: Progress): void => {
    const next = entry.stages.states[entry.step + 1];
    if (!next) {
      entry.gone = 'deleted';
      order.remove(serial);
      return;
    }
    entry.step++;
    entry.servedAt = undefined;
    entry.confirmed = false;
    entry.half = undefined;
    servedBits.clear(serial);
    tenant.setState(serial, next);
  };

  /** Moves on whatever has been served, has waited, and (when asked for) is confirmed. */
  const settle = (): void => {
    if (paused) return;
    const now = Date.now();
    for (let item = dwelling[head]; item && item.due <= now; item = dwelling[++head]) ready.add(item.serial);
    if (head > 10_000) {
      dwelling.splice(0, head);
      head = 0;
    }
    for (const serial of ready) {
      const entry = progress.get(serial);
      if (options.confirm && !entry?.confirmed) continue;
      ready.delete(serial);
      if (entry) advance(serial, entry);
    }
  };

  const arrive = (serial: number, kind: Arrival): void => {
    const received = Date.now();
    lastArrival = Math.max(lastArrival, received);
    order.insert({ serial, time: occurredAt(serial, kind, received), received });
  };

  const occurredAt = (serial: number, kind: Arrival, received: number): number => {
    if (kind === 'arrival') return lastArrival;
    if (kind === 'fast') return received + (AHEAD_MS[serial % AHEAD_MS.length] as number);
    if (kind === 'reset') return RESET_MS + serial * 60_000;
    const back = fraction(facts.seed, serial, SALT.lateTime) * Math.min(10 * DAY, timeline.end - timeline.start);
    return Math.floor(timeline.end - back);
  };

  const fade = (serial: number): void => {
    const entry = progress.get(serial);
    if (!entry) return;
    entry.fading = false;
    // Somebody was quicker: then it is an ordinary deletion, after its state has been served.
    if (listedBits.has(serial) || servedBits.has(serial)) return;
    entry.gone = 'unseen';
    order.remove(serial);
  };

  const happen = (): void => {
    const event = paused ? undefined : plan.events[nextEvent];
    if (!event) return;
    nextEvent++;
    if (event.kind === 'unseen') fade(event.serial);
    else arrive(event.serial, event.kind);
  };

  const serve = (serial: number, step: number, half?: Progress['half']): void => {
    const entry = progress.get(serial);
    if (entry && entry.step !== step) return;
    if (entry && half && (entry.half ?? half) === half) {
      entry.half = half;
      return;
    }
    servedBits.set(serial);
    if (!entry || entry.servedAt !== undefined || !moreToCome(entry)) return;
    entry.servedAt = Date.now();
    dwelling.push({ serial, step, due: entry.servedAt + options.dwellMs });
  };

  const timers = given ? [setInterval(happen, Math.max(10, options.everyMs)), setInterval(settle, 50)] : [];
  for (const timer of timers) timer.unref();

  return {
    stepOf: (serial) => progress.get(serial)?.step ?? 0,
    listed: (serial) => listedBits.set(serial),
    served: (serial, step) => {
      if (!fails(serial)) serve(serial, step);
      else if (progress.has(serial)) serve(serial, step, 'refusal');
    },
    itemServed: (serial, step) => serve(serial, step, 'item'),
    isServed: (serial) => servedBits.has(serial),
    wasListed: (serial) => listedBits.has(serial),
    requestDone: () => {
      if (!given) return;
      if (options.everyRequests > 0 && ++requests % options.everyRequests === 0) happen();
      settle();
    },
    history: (serial) => {
      const entry = progress.get(serial);
      if (!entry) return undefined;
      if (entry.gone === 'unseen') return { states: [], deleted: false };
      return { states: entry.stages.states.slice(0, entry.step + 1), deleted: entry.gone === 'deleted' };
    },
    confirm: (serial, ordinal) => {
      const entry = progress.get(serial);
      if (entry?.step === ordinal - 1) entry.confirmed = true;
      settle();
    },
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      settle();
    },
    pending: () => countPending(progress.values(), plan.events.slice(nextEvent)),
    waitingFor: () => countWaiting(progress, plan.events.length - nextEvent, ready),
    unserved: () => {
      let count = 0;
      for (let serial = 0; serial < serials; serial++) if (!servedBits.has(serial) && order.exists(serial)) count++;
      return count;
    },
    serials: () => serials,
    close: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
