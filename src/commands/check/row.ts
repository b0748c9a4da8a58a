/** A row of `sluice check`: what was tried, how that went, and what to do about it. */
import { orAborted } from '../../api/abort.ts';
import { messageOf, SluiceError } from '../../api/errors.ts';
import type { CheckLine } from '../../api/sink.ts';
import { plural } from '../../observe/show.ts';
import type { Cli } from '../shared/context.ts';
import { PROBE_MS } from '../shared/probe.ts';
import { table } from '../shared/table.ts';

export interface CheckRow extends CheckLine {
  /** `source acme`, `sink files`. */
  part: string;
}

/** A row for an attempt: its detail is what `work` returns, or the error that it throws. */
export async function attempt(
  part: string,
  what: string,
  stop: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<string>,
): Promise<CheckRow> {
  const late = AbortSignal.timeout(PROBE_MS);
  const signal = stop === undefined ? late : AbortSignal.any([stop, late]);
  try {
    return { part, what, ok: true, detail: await orAborted(work(signal), signal) };
  } catch (error) {
    stop?.throwIfAborted();
    if (late.aborted) {
      const advice = 'Check the address, the network and the proxy.';
      return { part, what, ok: false, detail: `no answer within ${PROBE_MS / 1000} s`, advice };
    }
    return { part, what, ok: false, detail: messageOf(error), advice: adviceFor(error) };
  }
}

/** What is to be done; also where whoever threw it knows no better than that the vendor fails. */
function adviceFor(error: unknown): string | undefined {
  if (!(error instanceof SluiceError)) return undefined;
  const { advice, status = 0 } = error;
  if (advice !== undefined) return advice;
  if (status === 429)
    return 'The vendor takes no more requests for now: lower rate.requests_per_second of the source, and see what else uses the same application.';
  if (status >= 500)
    return 'The vendor fails, which `run` waits for without losing anything. If it stays so, hand this line to the vendor.';
  return undefined;
}

function markOf({ ok, isWarning }: CheckRow): string {
  if (!ok) return '✗';
  return isWarning ? '!' : '✓';
}

/** All rows, then what is to be done, the failures first. */
export function print({ stdout }: Pick<Cli, 'stdout'>, rows: readonly CheckRow[], json: boolean): void {
  if (json) return void stdout.json({ ok: rows.every(({ ok }) => ok), checks: rows });
  stdout.lines(table(rows.map((row) => [markOf(row), row.part, row.what, row.detail])));
  const bad = rows.filter(({ ok }) => !ok);
  const odd = rows.filter(({ ok, isWarning }) => ok && isWarning);
  for (const { part, what, advice } of [...bad, ...odd])
    if (advice !== undefined) stdout.line(`→ ${part}, ${what}: ${advice}`);
  stdout.line(bad.length === 0 ? 'Everything works.' : `${bad.length} of ${plural(rows.length, 'check')} failed.`);
}
