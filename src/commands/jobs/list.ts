/** `sluice jobs list`. */
import { readingFacts } from '../../engine/jobs/facts.ts';
import { type JobView, jobViews } from '../../engine/jobs/views.ts';
import { plural, showCount, showDuration, showTime } from '../../observe/show.ts';
import { isStateInUse } from '../../state/sqlite.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { withExistingState } from '../shared/stored.ts';
import { table } from '../shared/table.ts';

export interface JobListOptions extends CommonOptions {
  all?: boolean;
}

export async function listJobs(cli: Cli, options: JobListOptions): Promise<void> {
  const context = await openCommand(cli, options);
  const facts = await readingFacts(context.config, context.tools);
  const { all } = options;
  const views = withExistingState(cli, context, (store) => jobViews(store, { nowMs: cli.now(), facts, all }));
  const inUse = isStateInUse(context.state);
  if (options.json) return cli.stdout.json({ running: inUse, jobs: views.map(jsonOf) });
  if (views.length === 0) return cli.stdout.line(all ? 'there are no jobs' : 'nothing is under way, and nothing waits');
  const head = ['job', 'from', 'to', 'status', 'done', 'records', 'delivered', 'left', 'pipelines', 'waits for'];
  cli.stdout.lines(table([head, ...views.map((view) => cellsOf(view, inUse))]));
}

function jsonOf({ range, work, ...view }: JobView) {
  const [from, to] = [range.fromMs, range.toMs].map((ms) => new Date(ms).toISOString());
  return { ...view, from, to, pipelines: work };
}

function cellsOf(view: JobView, inUse: boolean): string[] {
  const { id, range, status, part, finished, records, documents, leftMs, work } = view;
  return [
    ...[String(id), range.fromMs === 0 ? 'what was asked for' : showTime(range.fromMs), showTime(range.toMs), status],
    `${Math.floor(part * 100)} %`,
    records === undefined ? '-' : `${showCount(Math.min(finished, records))} of ${showCount(records)}`,
    showCount(documents),
    leftMs === undefined || !inUse ? '-' : showDuration(leftMs),
    work.length === 1 ? (work[0]?.pipeline ?? '') : plural(work.length, 'pipeline'),
    waitsFor(view, inUse),
  ];
}

function waitsFor({ behind, status }: JobView, inUse: boolean): string {
  if (status === 'done' || status === 'cancelled') return '';
  return behind ?? (inUse ? '' : 'nothing runs: `sluice run`, or `sluice backfill --resume`');
}
