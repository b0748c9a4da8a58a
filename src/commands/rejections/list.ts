/** `rejections list`: by cause and field, or a row for each document. */
import { showCount, showTime } from '../../observe/show.ts';
import { causeOf } from '../../sinks/causes.ts';
import type { RejectionRow, StateStore } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';
import { table } from '../shared/table.ts';

export interface ListOptions extends CommonOptions {
  pipeline?: string[];
  all?: boolean;
  limit: number;
  documents?: boolean;
}

interface Group {
  pipeline: string;
  cause: string;
  /** The sink's word for it. */
  type: string;
  field: string | undefined;
  count: number;
  firstMs: number;
  lastMs: number;
  /** Of the first of them. */
  key: string;
  id: string;
  reason: string;
  suggestion: string;
}

export async function listRejections(cli: Cli, options: ListOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, (store) => {
    const names = storedPipelines(store, options.pipeline);
    if (!options.all && !options.documents)
      return void printGroups(
        cli,
        names.flatMap((name) => groupsOf(store, name)),
        options,
      );
    const rows = names.flatMap((pipeline) => store.rejections({ pipeline, limit: options.limit + 1 }));
    printRows(cli, rows.slice(0, options.limit), rows.length > options.limit, options);
  });
}

/** The most frequent first. */
function groupsOf(store: StateStore, pipeline: string): Group[] {
  const groups = new Map<string, Group>();
  store.pipeline(pipeline).eachRejection(({ id, key, type, reason, field, atMs }) => {
    const { name: cause, suggestion } = causeOf({ type, reason });
    const same = JSON.stringify([cause, type, field]);
    const group = groups.get(same);
    if (group === undefined) {
      const first = { count: 1, firstMs: atMs, lastMs: atMs, key, id, reason };
      groups.set(same, { pipeline, cause, type, field, ...first, suggestion });
    } else {
      group.count++;
      group.lastMs = atMs;
    }
  });
  return [...groups.values()].sort((one, other) => other.count - one.count);
}

function printGroups({ stdout }: Cli, groups: Group[], { json, limit }: ListOptions): void {
  if (json) {
    for (const { firstMs, lastMs, field = null, ...group } of groups)
      stdout.json({ ...group, field, first: isoOf(firstMs), last: isoOf(lastMs) });
    return;
  }
  if (groups.length === 0) return void stdout.line('no rejections');
  const shown = groups.slice(0, limit);
  const cells = shown.map(({ pipeline, cause, field = '-', count, firstMs, lastMs, key }) => [
    ...[pipeline, cause, field, showCount(count), showTime(firstMs), showTime(lastMs), key],
  ]);
  stdout.lines(table([['PIPELINE', 'CAUSE', 'FIELD', 'COUNT', 'FIRST', 'LAST', 'FOR EXAMPLE'], ...cells]));
  for (const { cause, field, type, reason, suggestion } of shown) {
    stdout.line('');
    stdout.line(`${cause}${field === undefined ? '' : ` (${field})`}: ${type}: ${reason}`);
    stdout.line(`→ ${suggestion}`);
  }
  stdout.line('');
  const more = groups.length > shown.length ? 'there are more causes, --limit shows them; ' : '';
  stdout.line(`${more}\`sluice rejections show <key>\` has a document, \`list --all\` a row for each`);
}

function printRows({ stdout }: Cli, rows: RejectionRow[], more: boolean, { json, documents }: ListOptions): void {
  if (json) {
    for (const { document, atMs, ...row } of rows) {
      const whole = documents ? { document: JSON.parse(document) as unknown } : {};
      stdout.json({ ...row, at: isoOf(atMs), ...whole });
    }
    return;
  }
  if (rows.length === 0) return void stdout.line('no rejections');
  const cells = rows.map((row) => [showTime(row.atMs), row.pipeline, row.key, row.type, row.field ?? '-', row.reason]);
  stdout.lines(table([['AT', 'PIPELINE', 'KEY', 'TYPE', 'FIELD', 'REASON'], ...cells]));
  if (more) stdout.line('there are more; --limit shows them');
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
