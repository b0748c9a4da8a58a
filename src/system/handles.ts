/** The limit on open files and connections of a process: with a low limit, sources open fewer connections at a time. */
import { closeSync, openSync, readFileSync } from 'node:fs';

/** Measured: the handles of the program and its state before the first request, and of files that are open for a moment. */
const PROGRAM = 36;

export const HANDLES_ADVICE =
  'Let Sluice have more open files (`ulimit -n`, LimitNOFILE of its service), or lower rate.concurrency of the sources.';

/** The limit of this process, which Node has raised as far as allowed; undefined if unknown. */
export function mostHandles(): number | undefined {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === '' ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Whether an error says that no handle is left, in this process or on this machine. */
export function isOutOfHandles(said: string): boolean {
  return /\bE[MN]FILE\b/.test(said);
}

/** Whether no handle is left, for errors that do not say why a file cannot be opened. */
export function hasNoHandles(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return false;
  } catch (error) {
    return isOutOfHandles(String(error));
  }
}

/** How many of its wanted connections each source gets, at least one. `most` is the number that sinks leave for sources. */
export function sharedHandles(wanted: readonly number[], most: number): number[] {
  const left = most - PROGRAM;
  const all = wanted.reduce((sum, one) => sum + one, 0);
  return wanted.map((one) => (all <= left ? one : Math.max(1, Math.floor((one * left) / all))));
}
