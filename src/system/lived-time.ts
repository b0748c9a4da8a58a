/**
 * The time in which this process was running. No deadline may pass while the machine sleeps or the process is stopped. The
 * monotonic clock does not suffice: it goes on while a process is stopped.
 */

const TICK_MS = 1000;
/** A tick that comes later shows that the process was not running. */
const LONGEST_TICK_MS = 5000;

interface LivedTime {
  /** Milliseconds since the beginning, without those in which the process did not run. */
  now(): number;
  close(): void;
}

/** Counts from now on, until it is closed; the timer does not keep the process alive. */
export function livedTime(clock: () => number = () => performance.now()): LivedTime {
  let lived = 0;
  let last = clock();
  const add = (): void => {
    const now = clock();
    lived += Math.min(Math.max(0, now - last), LONGEST_TICK_MS);
    last = now;
  };
  const timer = setInterval(add, TICK_MS);
  timer.unref();
  return {
    now() {
      add();
      return lived;
    },
    close: () => clearInterval(timer),
  };
}
