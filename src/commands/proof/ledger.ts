/** `sluice ledger`: what became of each window, list and child that was read. */
import type { Command } from 'commander';
import { showCount, showTime } from '../../observe/show.ts';
import type { StoredLedgerRow } from '../../state/store.ts';
import type { Cli } from '../shared/context.ts';
import { whole, withCommon } from '../shared/options.ts';
import { table } from '../shared/table.ts';
import { type RangeOptions, withChosen } from './choice.ts';

interface LedgerOptions extends RangeOptions {
  limit: number;
  csv?: boolean;
}

interface Line extends StoredLedgerRow {
  source: string;
  stream: string;
  pipeline: string;
}

export function addLedger(program: Command, cli: Cli): void {
  const command = program
    .command('ledger')
    .description('what became of each window, list and child that was read, the newest first')
    .option('--from <time>', 'only what reaches behind this: ISO time, date (UTC) or age (30d, 24h)')
    .option('--to <time>', 'only what begins before this (default: now)')
    .option('--stream <name...>', 'only these streams')
    .option('--source <name...>', 'only these sources')
    .option('--limit <n>', 'so many rows at most', whole(1), 50)
    .option('--csv', 'as CSV');
  withCommon(command).action((options: LedgerOptions) => printLedger(cli, options));
}

async function printLedger(cli: Cli, options: LedgerOptions): Promise<void> {
  const lines = await withChosen(cli, options, (chosen, { fromMs = 0, toMs }) => {
    const range = { fromMs, toMs: options.to === undefined ? Number.MAX_SAFE_INTEGER : toMs };
    const all = chosen.flatMap(({ name, source, stream, state }) =>
      state.ledger(options.limit, range).map((row): Line => ({ pipeline: name, source, stream, ...row })),
    );
    return all.sort((one, other) => other.atMs - one.atMs || other.id - one.id).slice(0, options.limit);
  });
  if (options.json) for (const line of lines) cli.stdout.json(jsonOf(line));
  else if (options.csv) cli.stdout.lines([CSV.join(','), ...lines.map(csvOf)]);
  else if (lines.length === 0) cli.stdout.line('no window, list or child was read to an end in this time');
  else cli.stdout.lines(table([HEAD, ...lines.map(cellsOf)]));
}

function jsonOf({ atMs, range, readAtMs: _, ...line }: Line) {
  const iso = (ms: number) => new Date(ms).toISOString();
  return { ...line, from: iso(range.fromMs), to: iso(range.toMs), acceptedAt: iso(atMs) };
}

const CSV = [
  ...[
    'source',
    'stream',
    'pipeline',
    'walk',
    'kind',
    'from',
    'to',
    'filter',
    'total',
    'distinct',
    'delivered',
    'givenUp',
  ],
  ...['unchanged', 'rejected', 'owed', 'dropped', 'deleted', 'documents', 'attempts', 'settled', 'acceptedAt'],
] as const;

function csvOf(line: Line): string {
  const json = jsonOf(line) as Record<string, unknown>;
  return CSV.map((name) => csvCell(json[name] ?? '')).join(',');
}

/** A spreadsheet takes a text that begins with one of these for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(value: unknown): string {
  const text = typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const HEAD = [
  ...['accepted', 'pipeline', 'walk', 'kind', 'from', 'to', 'total', 'distinct', 'delivered', 'given up', 'unchanged'],
  ...['rejected', 'owed', 'dropped', 'deleted', 'passes', 'settled'],
];

function cellsOf(line: Line): string[] {
  const { range, settled, filter } = line;
  const counts = [line.total, line.distinct, line.delivered, line.givenUp, line.unchanged, line.rejected];
  const more = [line.owed, line.dropped, line.deleted, line.attempts];
  const times = [range.fromMs, range.toMs].map(showTime);
  const names = [showTime(line.atMs), line.pipeline, line.walk, line.kind];
  const end = `${settled ? 'yes' : 'no'}${filter === undefined ? '' : ` (${filter})`}`;
  return [...names, ...times, ...[...counts, ...more].map(showCount), end];
}
