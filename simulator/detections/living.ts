import type { State } from '../attributes.ts';
import { fraction, SALT } from '../hash.ts';
import { createLifecycle, type ItemLifecycle } from '../lifecycle.ts';
import { arrivalsOf, LIVING_DEFAULTS, type LivingOptions } from '../living-options.ts';
import { type Arrival, makePlan } from './living-plan.ts';
import type { Tenant } from './tenant.ts';

/** Detections that change while they are read, that arrive, and that are deleted before they are read. */
export interface Living extends ItemLifecycle {
  /** Notes that the list named a detection, which then can no longer be deleted unseen. */
  listed(serial: number): void;
  wasListed(serial: number): boolean;
  /** The states of a detection so far, and whether it was deleted; undefined for one that never changes. */
  statesOf(serial: number): { states: State[]; deleted: boolean } | undefined;
  /** The number of all detections, including those that will arrive. */
  serials(): number;
}

/** The replies that a detection must be served in. If its detail fails for ever: the list item, and the refusal if it changes. */
export const PART = { detail: 1, item: 2, refusal: 4 } as const;

const DAY = 86_400_000;
/** How much the clocks of endpoints are ahead. */
const AHEAD_MS = [60_000, 3_600_000, DAY, 365 * DAY];
/** The time of a clock whose battery is empty. */
const RESET_MS = Date.UTC(1980, 0, 1);

export function createLiving(
  tenant: Tenant,
  given: Required<LivingOptions> | undefined,
  fails: (serial: number) => boolean,
): Living {
  const { facts, order, timeline } = tenant;
  const options = given ?? LIVING_DEFAULTS;
  const { changes, events } = makePlan(facts, timeline.count, options, fails);
  const count = timeline.count + arrivalsOf(options) + tenant.ties;
  const listed = new Uint8Array(count);
  /** Detections that will be deleted unless they are served first, and those that were deleted so. */
  const fading = new Set<number>();
  const unseen = new Set<number>();
  let nextEvent = 0;
  let requests = 0;
  let paused = false;
  let lastArrival = timeline.end;

  for (const [serial, { states, unseen: fades }] of changes) {
    if (states[0]) tenant.setState(serial, states[0]);
    if (fades) fading.add(serial);
  }
  const stages = [...changes].map(
    ([serial, { states, deleted }]) => [serial, { states: states.length, deleted }] as const,
  );
  const lifecycle = createLifecycle(
    {
      count,
      changes: new Map(stages),
      partsOf: (serial) => (!fails(serial) ? PART.detail : changes.has(serial) ? PART.item | PART.refusal : PART.item),
      moved: (serial, step) => {
        const state = step === undefined ? undefined : changes.get(serial)?.states[step];
        if (state === undefined) order.remove(serial);
        else tenant.setState(serial, state);
      },
      isThere: order.exists,
    },
    given,
  );

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
    fading.delete(serial);
    // A reader was quicker: this becomes an ordinary deletion, after the state has been served.
    if (listed[serial] || lifecycle.isServed(serial)) return;
    unseen.add(serial);
    lifecycle.drop(serial);
    order.remove(serial);
  };

  const happen = (): void => {
    const event = paused ? undefined : events[nextEvent];
    if (!event) return;
    nextEvent++;
    if (event.kind === 'unseen') fade(event.serial);
    else arrive(event.serial, event.kind);
  };

  const timer = given && setInterval(happen, Math.max(10, options.everyMs));
  timer?.unref();
  const eventsLeft = () => events.slice(nextEvent);

  return {
    ...lifecycle,
    listed: (serial) => {
      listed[serial] = 1;
    },
    wasListed: (serial) => listed[serial] === 1,
    statesOf: (serial) => {
      const states = changes.get(serial)?.states;
      if (unseen.has(serial)) return { states: [], deleted: false };
      const history = lifecycle.history(serial);
      return states && { states: states.slice(0, history.states), deleted: history.deleted };
    },
    serials: () => count,
    requestDone: () => {
      if (given && options.everyRequests > 0 && ++requests % options.everyRequests === 0) happen();
      lifecycle.requestDone();
    },
    pause: () => {
      paused = true;
      lifecycle.pause();
    },
    resume: () => {
      paused = false;
      lifecycle.resume();
    },
    pending: () => lifecycle.pending() + eventsLeft().filter(({ kind }) => kind !== 'unseen').length,
    waitingFor: () => {
      const counts = lifecycle.waitingFor();
      const untouched = [...fading].filter((serial) => !lifecycle.isServed(serial)).length;
      return { ...counts, event: eventsLeft().length, serving: counts.serving - untouched };
    },
    close: () => {
      clearInterval(timer);
      lifecycle.close();
    },
  };
}
