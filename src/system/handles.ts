/** Open files and connections, of which a process may have so many: with few, sources open fewer connections at a time. */
import { closeSync, openSync, readFileSync } from 'node:fs';

/** Measured: the program with its state, before it asks anybody anything; and what is open for a moment. */
const PROGRAM = 36;

export const HANDLES_ADVICE =
  'Let Sluice have more open files (`ulimit -n`, LimitNOFILE of its service), or lower rate.concurrency of the sources.';

/** How many this process may have; undefined where that cannot be told. Node has raised it as far as it may. */
export function mostHandles(): number | undefined {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === '' ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** Whether an error says that there is none left, in this process or on this machine. */
export function isOutOfHandles(said: string): boolean {
  return /\bE[MN]FILE\b/.test(said);
}

/** The same, where an error does not say why a file cannot be opened. */
export function hasNoHandles(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return false;
  } catch (error) {
    return isOutOfHandles(String(error));
  }
}

/** How many connections each source may have of those that it wants, at least one. `most`: what sinks leave of all. */
export function sharedHandles(wanted: readonly number[], most: number): number[] {
  const left = most - PROGRAM;
  const all = wanted.reduce((sum, one) => sum + one, 0);
  return wanted.map((one) => (all <= left ? one : Math.max(1, Math.floor((one * left) / all))));
}
