import { inert } from '../../api/inert.ts';

/** Nobody reads more in a table; `--json` has all of it. The last cell makes no column. */
const LONGEST = 200;
const LONGEST_LAST = 2000;

/** A line for each row, its columns as wide as their widest cell; the last one is left as it is. */
export function table(given: readonly (readonly string[])[], indent = ''): string[] {
  const rows = given.map((row) =>
    row.map((cell, column) => inert(cell, column < row.length - 1 ? LONGEST : LONGEST_LAST)),
  );
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (column < row.length - 1 ? (row[column] ?? '').length : 0))),
  );
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => `${indent}${line(row).trimEnd()}`);
}
