/** What a backfill has done, for people and for programs. */

import { plural, showCount } from '../../observe/show.ts';
import type { Cli } from './context.ts';
import type { JobResult } from './jobs.ts';
import { table } from './table.ts';

export function printResult(cli: Cli, job: { id: number; done: boolean }, results: JobResult[], json: boolean): void {
  if (json) {
    const whole = { job: job.id, done: job.done, nothingNew: isNothingNew(results), pipelines: results };
    cli.stdout.json(whole);
    return;
  }
  const head = ['pipeline', 'windows', 'records', 'delivered', 'unchanged', 'rejected', 'unsettled', 'seconds'];
  const rows = results.map((each) => [
    each.pipeline,
    ...[each.windows, each.records, each.delivered, each.unchanged, each.rejected, each.unsettled].map(showCount),
    each.seconds.toFixed(1),
  ]);
  cli.stdout.lines(table([head, ...rows]));
  if (job.done && isNothingNew(results))
    cli.stdout.line('nothing new: everything in this range had been delivered before');
  for (const each of results) for (const line of remarks(each)) cli.stdout.line(`${each.pipeline}: ${line}`);
}

export function isNothingNew(results: JobResult[]): boolean {
  return results.every(({ delivered, rejected }) => delivered + rejected === 0);
}

function remarks({ rejected, dropped, unsettled }: JobResult): string[] {
  const lines: string[] = [];
  if (rejected > 0) lines.push(`${plural(rejected, 'document')} refused by the sink; see \`sluice rejections list\``);
  if (dropped > 0) lines.push(`${plural(dropped, 'record')} dropped by the mapping of the config`);
  if (unsettled > 0)
    lines.push(
      `${plural(unsettled, 'window')} could not be read to an end or kept changing meanwhile; \`sluice run\` reads them again`,
    );
  return lines;
}
