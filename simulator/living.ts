import type { State } from './attributes.ts';
import { createBits } from './bits.ts';
import { fraction, SALT } from './hash.ts';
import { type Course, makePlan } from './living-plan.ts';
import type { LivingOptions } from './options.ts';
import type { Tenant } from './tenant.ts';

/**
 * A tenant that changes while it is read, in a way that leaves no doubt about what a perfect connector delivers: a
 * detection moves on only after its present state has been served whole, so no state can be missed by being too slow.
 */
export interface Living {
  /** The step a detection is at: to be kept with a reply, and handed back once that reply was sent. */
  stepOf(serial: number): number;
  /** The list named it: it can no longer vanish unseen. */
  listed(serial: number): void;
  /** The record in the state of `step` was sent whole. */
  served(serial: number, step: number): void;
  /** The present state was served whole. */
  isServed(serial: number): boolean;
  wasListed(serial: number): boolean;
  requestDone(): void;
  /** The states so far, and whether it was deleted after them; undefined for one that never changes. */
  history(serial: number): { states: State[]; deleted: boolean } | undefined;
  confirm(serial: number, ordinal: number): void;
  pause(): void;
  resume(): void;
  pending(): number;
  waitingFor(): { event: number; serving: number; dwell: number; confirmation: number };
  serials(): number;
  close(): void;
}

interface Progress {
  course: Course;
  step: number;
  servedAt?: number;
  confirmed: boolean;
  /** Deleted: for good, or (`unseen`) without ever having been there. */
  gone?: 'deleted' | 'unseen';
  /** Will vanish by itself if it is not served before. */
  fading: boolean;
}

const DAY = 86_400_000;

export function createLiving(tenant: Tenant, given: Required<LivingOptions> | undefined, fails: (serial: number) => boolean): Living {
  const { facts, order, timeline } = tenant;
  const none = { arrivals: 0, lateArrivals: 0, statusChanges: 0, returns: 0, commentChanges: 0, responseChanges: 0 };
  const options = given ?? { ...none, deletions: 0, deletionsUnseen: 0, dwellMs: 0, everyRequests: 0, everyMs: 0, confirm: false };
  const plan = makePlan(facts, timeline.count, options, fails);
  const serials = timeline.count + options.arrivals + options.lateArrivals;
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

  for (const [serial, course] of plan.courses) {
    progress.set(serial, { course, step: 0, confirmed: false, fading: course.unseen });
    const [first] = course.states;
    if (first) tenant.setState(serial, first);
  }

  const moreToCome = (entry: Progress) => !entry.gone && (entry.step + 1 < entry.course.states.length || entry.course.deleted);

  const advance = (serial: number, entry: Progress): void => {
    const next = entry.course.states[entry.step + 1];
    if (!next) {
      entry.gone = 'deleted';
      order.remove(serial);
      return;
    }
    entry.step++;
    entry.servedAt = undefined;
    entry.confirmed = false;
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

  const arrive = (serial: number, late: boolean): void => {
    const received = Date.now();
    lastArrival = Math.max(lastArrival, received);
    const back = fraction(facts.seed, serial, SALT.lateTime) * Math.min(10 * DAY, timeline.end - timeline.start);
    order.insert({ serial, time: late ? Math.floor(timeline.end - back) : lastArrival, received });
  };

  const happen = (): void => {
    const event = paused ? undefined : plan.events[nextEvent];
    if (!event) return;
    nextEvent++;
    if (event.kind !== 'unseen') return arrive(event.serial, event.kind === 'late');
    const entry = progress.get(event.serial);
    // Somebody was quicker: then it is an ordinary deletion, after its state has been served.
    if (!entry) return;
    entry.fading = false;
    if (listedBits.has(event.serial) || servedBits.has(event.serial)) return;
    entry.gone = 'unseen';
    order.remove(event.serial);
  };

  const served = (serial: number, step: number): void => {
    const entry = progress.get(serial);
    if (entry && entry.step !== step) return;
    servedBits.set(serial);
    if (!entry || entry.servedAt !== undefined || !moreToCome(entry)) return;
    entry.servedAt = Date.now();
    dwelling.push({ serial, step, due: entry.servedAt + options.dwellMs });
  };

  const waitingFor = () => {
    const counts = { event: plan.events.length - nextEvent, serving: 0, dwell: 0, confirmation: 0 };
    for (const [serial, entry] of progress) {
      if (!moreToCome(entry)) continue;
      if (entry.servedAt === undefined) counts.serving += entry.fading ? 0 : 1;
      else if (ready.has(serial)) counts.confirmation++;
      else counts.dwell++;
    }
    return counts;
  };

  const pending = () => {
    let count = plan.events.slice(nextEvent).filter((event) => event.kind !== 'unseen').length;
    for (const entry of progress.values()) {
      if (moreToCome(entry)) count += entry.course.states.length - entry.step - 1 + (entry.course.deleted ? 1 : 0);
    }
    return count;
  };

  const timers = given ? [setInterval(happen, Math.max(10, options.everyMs)), setInterval(settle, 50)] : [];
  for (const timer of timers) timer.unref();

  return {
    stepOf: (serial) => progress.get(serial)?.step ?? 0,
    listed: (serial) => listedBits.set(serial),
    served,
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
      return { states: entry.course.states.slice(0, entry.step + 1), deleted: entry.gone === 'deleted' };
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
    pending,
    waitingFor,
    serials: () => serials,
    close: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
