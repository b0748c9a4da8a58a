/** What a comparison found, for people and for programs. */
import type { Beside } from '../../api/sink.ts';
import type { Range } from '../../api/walk.ts';
import type { Verdict, Verified } from '../../engine/verify/verify.ts';
import { plural, showCount, showTime } from '../../observe/show.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { table } from '../shared/table.ts';

export interface VerifyOptions extends CommonOptions {
  from?: string;
  to?: string;
  stream?: string[];
  source?: string[];
  details?: boolean;
  retention?: string;
  limit: number;
  repair?: boolean;
  removeDoubles?: boolean;
  as: 'event' | 'alert';
}

/** What one pipeline's comparison found. */
export interface Compared {
  pipeline: string;
  range: Range;
  verified: Verified;
  /** What the sink makes of documents by itself. */
  beside?: Beside | undefined;
  differences: Verdict[];
  isClean: boolean;
}

export interface Teller {
  tell(found: Compared): void;
}

export function createTeller({ stdout }: Cli, { json, limit }: { json?: boolean; limit: number }): Teller {
  return {
    tell(found) {
      if (json) {
        for (const difference of found.differences) stdout.json({ pipeline: found.pipeline, ...plain(difference) });
        stdout.json(summaryOf(found));
        return;
      }
      stdout.line(`${found.pipeline}: ${sentence(found)}`);
      const { open, notVerifiableBeforeMs } = found.verified;
      for (const { fromMs, toMs, reason } of open)
        stdout.line(`  not verified: ${showTime(fromMs)} to ${showTime(toMs)}: ${reason}`);
      if (notVerifiableBeforeMs !== undefined && notVerifiableBeforeMs > found.range.fromMs)
        stdout.line(
          `  not verifiable: what lies before ${showTime(notVerifiableBeforeMs)} was forgotten (\`sluice state compact\`)`,
        );
      if (found.beside !== undefined) stdout.line(`  ${besides(found.beside)}`);
      const shown = found.differences.slice(0, limit);
      if (shown.length > 0) stdout.lines(table([HEAD, ...shown.map(row)], '  '));
      const more = found.differences.length - shown.length;
      if (more > 0) stdout.line(`  and ${showCount(more)} more (--limit, --json)`);
    },
  };
}

function plain({ kind, key, ordinal, id, reason, timeMs, surplus }: Verdict) {
  return {
    kind,
    key,
    ordinal,
    id: id ?? null,
    reason,
    time: timeMs === undefined ? null : new Date(timeMs).toISOString(),
    ...(surplus && { surplus }),
  };
}

function summaryOf({ pipeline, range, verified, beside, isClean }: Compared) {
  const { counts, listed, held, rejected, dropped, open, notVerifiableBeforeMs } = verified;
  const [from, to] = [range.fromMs, range.toMs].map((ms) => new Date(ms).toISOString());
  return {
    pipeline,
    summary: true,
    clean: isClean,
    from,
    to,
    listed,
    held,
    rejected,
    dropped,
    ...counts,
    beside: beside ?? null,
    open,
    notVerifiableBeforeMs: notVerifiableBeforeMs ?? null,
  };
}

function besides({ what, expected, missing }: Beside): string {
  const there = `beside them ${showCount(expected - missing)} of ${showCount(expected)} ${what}`;
  return missing === 0 ? there : `${there}: ${showCount(missing)} missing`;
}

function sentence({ verified, isClean }: Compared): string {
  const { listed, held, rejected, dropped, counts } = verified;
  const { expired } = counts;
  const read = `${plural(listed, 'record')} listed, ${plural(held, 'document')} held`;
  const aside = [
    ...(rejected > 0 ? [`${showCount(rejected)} rejected`] : []),
    ...(dropped > 0 ? [`${showCount(dropped)} dropped by the mapping of the config`] : []),
    ...(expired > 0 ? [`${showCount(expired)} expired`] : []),
  ];
  const beside = aside.length > 0 ? ` (${aside.join(', ')})` : '';
  if (isClean) return `${read}${beside}: everything is there, once`;
  const isEmpty = Object.values(counts).every((count) => count === 0);
  if (isEmpty) return `${read}${beside}: as far as it could be compared, everything is there, once`;
  const kinds = (['missing', 'stale', 'doubled', 'extra'] as const).map((kind) => `${showCount(counts[kind])} ${kind}`);
  return `${read}${beside}: ${kinds.join(', ')}`;
}

const HEAD = ['WHAT', 'KEY', '#', 'ID', 'WHY'];

function row({ kind, key, ordinal, id, reason }: Verdict): string[] {
  return [kind, key, ordinal === 0 ? '' : String(ordinal), id ?? '', reason];
}
