/** The status again and again: drawn over itself on a terminal, one below the other elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cli } from '../shared/context.ts';

const EVERY_MS = 2000;
const ESCAPE = String.fromCharCode(27);

/** Until the signal. What is higher than the terminal is cut, since it could not be drawn over. */
export async function watchStatus<T>(cli: Cli, look: () => Promise<T>, lines: (seen: T) => string[]): Promise<void> {
  const { terminal: screen, isTty, rows = 24, columns, redactor } = cli;
  let height = 0;
  while (!cli.signal.aborted) {
    const all = lines(await look());
    if (isTty) {
      const shown = all.slice(0, rows - 1).map((line) => redactor.show(line, columns - 1));
      const up = height === 0 ? '' : `${ESCAPE}[${height}A`;
      screen.write(`${up}${ESCAPE}[0J${shown.map((line) => `${line}\n`).join('')}`);
      height = shown.length;
    } else cli.stdout.lines([...all, '']);
    await sleep(EVERY_MS, undefined, { signal: cli.signal }).catch(() => {});
  }
}
