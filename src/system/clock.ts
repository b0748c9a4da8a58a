/**
 * The time of day. The clock of a machine may be set while we run, to a wrong time as well as to the right one, and it
 * rightly goes on while the machine sleeps. What is shipped, when what is due and how long something has lasted must not
 * depend on which of them it was: a clock that leaps is followed when a reply of a vendor agrees with it, or when nobody
 * contradicts it for a while. Until then, time goes on from where it was.
 */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** What a reply says of the time (its header `Date`). */
  heard(date: string | null): void;
  /** What is wrong with the clock of the machine, as far as that is known. */
  trouble(): string | undefined;
  /** Who is told of leaps. */
  listen(listener: (text: string) => void): void;
}

interface ClockSources {
  /** The clock of the machine. */
  wall: () => number;
  /** Milliseconds of a clock that nobody sets. */
  steady: () => number;
}

/** Clocks are corrected by less all the time. */
const LEAP_MS = 5000;
/** Without a word for or against it, a leap is followed then. */
const FOLLOWED_AFTER_MS = 600_000;

interface Leap {
  /** Steady time: since when nobody has contradicted it. */
  sinceMs: number;
  isContradicted: boolean;
}

export function createClock({ wall, steady }: ClockSources = { wall: Date.now, steady: steadyMs }): Clock {
  let offsetMs = wall() - steady();
  let leap: Leap | undefined;
  let tell = (_text: string): void => {};
  const believed = () => steady() + offsetMs;
  /** By how much the clock of the machine is ahead of what is believed. */
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
    else if (steady() - leap.sinceMs > FOLLOWED_AFTER_MS) follow('nobody says that it is wrong');
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
      const nearMs = Math.abs(byMs()) / 2; // of the two, it agrees with one at most
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

/** In the largest unit of which it is more than one. */
function setBy(ms: number): string {
  const size = Math.abs(ms);
  const [unit, unitMs] = UNITS.find(([, each]) => size > each * 1.5) ?? UNITS[3];
  return `was set ${ms > 0 ? 'forward' : 'back'} by ${Math.round(size / unitMs)} ${unit}`;
}
