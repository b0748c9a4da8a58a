/** `sluice gaps`: what is not proven to be delivered. */
import type { Command } from 'commander';
import { plural, showTime } from '../../observe/show.ts';
import type { Cli } from '../shared/context.ts';
import { whole, withCommon } from '../shared/options.ts';
import { table } from '../shared/table.ts';
import { type RangeOptions, rangeFor, withChosen } from './choice.ts';
import { barOf, graceOf, type OpenEnd, openEndsOf } from './open.ts';

interface GapsOptions extends RangeOptions {
  limit: number;
}

export function addGaps(program: Command, cli: Cli): void {
  const command = program
    .command('gaps')
    .description('what was never read to an end, did not settle, or could not be had; exit code 1 when there is some')
    .option('--from <time>', 'where to begin (default: the oldest time that was asked for)')
    .option('--to <time>', 'where to end (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .option('--limit <n>', 'so many rows of a pipeline at most; `--json` has all', whole(1), 50);
  withCommon(command).action((options: GapsOptions) => printGaps(cli, options));
}

async function printGaps(cli: Cli, options: GapsOptions): Promise<void> {
  const found = await withChosen(cli, options, (chosen, asked) =>
    chosen.map((one) => {
      const range = rangeFor(one, asked);
      const ends = range === undefined ? [] : openEndsOf(one, range, asked.nowMs, graceOf(one));
      return { name: one.name, range, ends, forgottenUntilMs: one.state.forgottenUntilMs() };
    }),
  );
  const count = found.reduce((sum, { ends }) => sum + ends.length, 0);
  for (const { name, range, ends, forgottenUntilMs } of found) {
    if (options.json) for (const end of ends) cli.stdout.json(jsonOf(end));
    if (options.json) continue;
    if (range === undefined) {
      cli.stdout.line(`${name}: nothing was asked for in this time`);
      continue;
    }
    const words = ends.length === 0 ? 'no gaps' : plural(ends.length, 'gap');
    cli.stdout.line(`${name}: ${words} from ${showTime(range.fromMs)} to ${showTime(range.toMs)}`);
    if (forgottenUntilMs !== undefined && forgottenUntilMs > range.fromMs)
      cli.stdout.line(
        `  what is older than ${showTime(forgottenUntilMs)} was forgotten, and cannot be proven any more`,
      );
    cli.stdout.line(`  ${barOf(range, ends)}`);
    cli.stdout.lines(table(ends.slice(0, options.limit).map(cellsOf), '  '));
    if (ends.length > options.limit)
      cli.stdout.line(`  and ${plural(ends.length - options.limit, 'gap')} more (--limit)`);
  }
  if (count === 0) return;
  if (!options.json)
    cli.stdout.lines([
      '= read   . never read   ? unsettled or unreadable   ! a record or list that could not be had',
      '→ `sluice backfill --gaps` reads exactly these again.',
    ]);
  cli.setExitCode(1);
}

function jsonOf({ range, ...end }: OpenEnd) {
  return { ...end, from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() };
}

function cellsOf({ kind, range, key, why }: OpenEnd): string[] {
  const to = range.toMs === range.fromMs ? '' : showTime(range.toMs);
  return [kind, showTime(range.fromMs), to, key === undefined ? why : `${key}: ${why}`];
}
