/**
 * Time that this process lived through: while the machine sleeps or the process is stopped nothing could have been done, so
 * that no deadline may pass. The monotonic clock does not do it: it runs on while a process is stopped.
 */

const TICK_MS = 1000;
/** A tick that comes later than this was kept from coming. */
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
