/** What mapping anew has changed, for people and for programs. */
import type { Range } from '../../api/walk.ts';
import { createTally, type FieldTally } from '../../engine/remap/differences.ts';
import type { MappedAnew } from '../../engine/remap/remap.ts';
import { plural, showCount } from '../../observe/show.ts';
import type { PipelineState } from '../../state/store.ts';
import type { Cli } from '../shared/context.ts';
import { table } from '../shared/table.ts';

export interface RemapResult {
  pipeline: string;
  /** How many were mapped anew, each as it was delivered last. */
  records: number;
  /** For how many of them that makes a difference. */
  differ: number;
  /** How many of the range could not be mapped anew: they are not kept. */
  notKept: number;
  fields: FieldTally[];
  /** Left out where nothing is shipped. */
  shipped?: number;
  rejected?: number;
}

export interface Count {
  /** How many were seen so far. */
  readonly records: number;
  see(one: MappedAnew): void;
  result(state: Pick<PipelineState, 'countBetween'>, range: Range): Omit<RemapResult, 'pipeline'>;
}

export function createCount(): Count {
  const tally = createTally();
  let records = 0;
  let differ = 0;
  let dated = 0;
  return {
    get records() {
      return records;
    },
    see({ kept, known, differences }) {
      records++;
      if (known.timeMs !== null) dated++;
      if (differences.length > 0) differ++;
      tally.add(kept.key, differences);
    },
    result: (state, range) => ({
      ...{ records, differ, fields: tally.fields() },
      notKept: Math.max(0, state.countBetween(range) - dated),
    }),
  };
}

export function printAll(
  { stdout }: Cli,
  results: readonly RemapResult[],
  { json, namespace }: { json?: boolean; namespace?: string },
): void {
  for (const result of results) {
    if (json) {
      stdout.json(result);
      continue;
    }
    const { pipeline, fields, notKept } = result;
    stdout.line(`${pipeline}: ${sentence(result, namespace)}`);
    if (notKept > 0)
      stdout.line(
        `${plural(notKept, 'record')} of this time stay as they are: they were delivered before raw.keep, or longer ago than raw.for`,
      );
    if (fields.length > 0) stdout.lines(table([HEAD, ...fields.map(row)], '  '));
  }
  if (!json && results.length === 0) stdout.line('nothing was delivered yet');
}

function sentence({ records, differ, shipped, rejected = 0 }: RemapResult, namespace: string | undefined): string {
  const seen = `${plural(records, 'record')} mapped anew`;
  if (shipped === undefined) return `${seen}, ${showCount(differ)} would differ; nothing is shipped`;
  const how = namespace === undefined ? 'as new revisions' : `into the namespace ${namespace}`;
  const refused = rejected === 0 ? '' : `; ${plural(rejected, 'document')} refused, see \`sluice rejections list\``;
  return `${seen}, ${showCount(differ)} differ; ${plural(shipped, 'document')} shipped ${how}${refused}`;
}

const HEAD = ['FIELD', 'CHANGED', 'ADDED', 'REMOVED', 'FOR EXAMPLE', ''];

function row({ field, changed, added, removed, examples }: FieldTally): string[] {
  const [first] = examples;
  const shown = (value: unknown) => (value === null ? '-' : JSON.stringify(value));
  const values = first === undefined ? '' : `${shown(first.before)} → ${shown(first.after)}`;
  return [field, showCount(changed), showCount(added), showCount(removed), first?.key ?? '', values];
}
