/**
 * The time of day. The clock of a machine may be set while Sluice runs, to a wrong time as well as to the right one, and it
 * rightly goes on while the machine sleeps. A wrong clock must change neither documents nor schedules nor durations: a leap
 * is followed when a vendor's reply agrees with the new time, or when no reply contradicts it for a while. Until then, time
 * is counted on from the time before the leap.
 */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Takes the time of a reply (its header `Date`). */
  heard(date: string | null): void;
  /** How the clock of the machine is wrong, as far as that is known. */
  trouble(): string | undefined;
  /** Adds a listener for messages about leaps. */
  listen(listener: (text: string) => void): void;
}

interface ClockSources {
  /** The clock of the machine. */
  wall: () => number;
  /** Milliseconds of a monotonic clock. */
  steady: () => number;
}

/** A smaller change is an ordinary correction. */
const LEAP_MS = 5000;
/** A leap that no reply confirms or contradicts is followed after this time. */
const FOLLOWED_AFTER_MS = 600_000;

interface Leap {
  /** Since when (steady time) no reply has contradicted the leap. */
  sinceMs: number;
  isContradicted: boolean;
}

export function createClock({ wall, steady }: ClockSources = { wall: Date.now, steady: steadyMs }): Clock {
  let offsetMs = wall() - steady();
  let leap: Leap | undefined;
  let tell = (_text: string): void => {};
  const believed = () => steady() + offsetMs;
  /** By how much the clock of the machine is ahead of the time that Sluice uses. */
  const byMs = () => wall() - believed();
  const follow = (why: string): void => {
    leap = undefined;
    tell(`the clock of this machine ${setBy(byMs())}, and is followed: ${why}`);
    offsetMs += byMs();
  };
  const look = (): void => {
    if (Math.abs(byMs()) <= LEAP_MS) {
      if (leap?.isContradicted) tell('the clock of this machine is right again');
      leap = undefined;
      offsetMs += byMs();
    } else if (leap === undefined) leap = { sinceMs: steady(), isContradicted: false };
    else if (steady() - leap.sinceMs > FOLLOWED_AFTER_MS) follow('no reply contradicts it');
  };
  const trouble = (): string | undefined =>
    leap?.isContradicted
      ? `the clock of this machine ${setBy(byMs())}, which the vendor's replies contradict: set it right (NTP). Until then, time is counted from where it was`
      : undefined;
  return {
    now() {
      look();
      return Math.round(believed());
    },
    heard(date) {
      look();
      if (leap === undefined || date === null) return;
      const saidMs = Date.parse(date);
      const nearMs = Math.abs(byMs()) / 2; // so that the reply agrees with one of the two times at most
      if (Math.abs(saidMs - wall()) < nearMs) return follow("a vendor's reply agrees with it");
      if (!(Math.abs(saidMs - believed()) < nearMs)) return;
      const isNew = !leap.isContradicted;
      leap = { sinceMs: steady(), isContradicted: true };
      if (isNew) tell(trouble() ?? '');
    },
    trouble() {
      look();
      return trouble();
    },
    listen(listener) {
      tell = listener;
    },
  };
}

function steadyMs(): number {
  return performance.now();
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** Says by how much the clock was set, in the largest unit of which that is more than one. */
function setBy(ms: number): string {
  const size = Math.abs(ms);
  const [unit, unitMs] = UNITS.find(([, each]) => size > each * 1.5) ?? UNITS[3];
  return `was set ${ms > 0 ? 'forward' : 'back'} by ${Math.round(size / unitMs)} ${unit}`;
}
