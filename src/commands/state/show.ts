import { ALERT_LIMIT } from '../../engine/alerts/tell.ts';
import { type Alarm, alarmOf, alarmText } from '../../engine/completeness/missing.ts';
import { HEARTBEAT } from '../../engine/heartbeat.ts';
import { isEnded, pauseText } from '../../engine/jobs/pauses.ts';
import type { Config } from '../../engine/settings.ts';
import { showCount, showTime } from '../../observe/show.ts';
import type { JobRow, PipelineState, StateStore, StoredLedgerRow, WalkRow } from '../../state/store.ts';
import { openCommand } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import type { CommonOptions } from '../shared/options.ts';
import { storedPipelines, withExistingState } from '../shared/stored.ts';
import { table } from '../shared/table.ts';

export interface ShowOptions extends CommonOptions {
  pipeline?: string[];
  ledger: number;
}

interface Shown {
  pipeline: string;
  /** What of it is not in the config any more; undefined where all of it is. */
  removed: 'source' | 'stream' | 'sink' | undefined;
  coveredFromMs: number | undefined;
  counts: Omit<ReturnType<PipelineState['counts']>, 'rejections'>;
  /** By status; empty for a stream without children. */
  children: ReturnType<PipelineState['childCounts']>;
  rejections: number;
  walks: WalkRow[];
  ledger: StoredLedgerRow[];
  /** About the number of records in its list, while that is not believed. */
  alarm: Alarm | undefined;
  /** Batches that were being written when a process died. */
  prepared: { walk: string; number: number; documents: number }[];
}

/** Reads only: a running Sluice is not disturbed. */
export async function showState(cli: Cli, options: ShowOptions): Promise<void> {
  const context = await openCommand(cli, options);
  withExistingState(cli, context, (store) => {
    const shown = storedPipelines(store, options.pipeline).map((name) => ({
      ...read(store, name, options.ledger),
      removed: removedOf(context.config, name),
    }));
    const jobs = store.jobs();
    const paused = store.pauses().filter((pause) => !isEnded(pause, cli.now()));
    const whole = { state: context.config.state.path, id: store.id, pipelines: shown, jobs, paused };
    if (options.json) cli.stdout.json(whole);
    else
      cli.stdout.lines([
        ...shown.flatMap((one) => [...pipelineLines(one), '']),
        ...paused.map((pause) => `${[pause.source, pause.stream].filter(Boolean).join('/')}: ${pauseText(pause)}`),
        ...jobLines(jobs),
        `state ${store.id}`,
      ]);
  });
}

/** Heartbeats are a stream of every source, as far as the config asks for them. */
function removedOf({ sources, sinks, heartbeat }: Config, name: string): Shown['removed'] {
  const [source = '', stream = '', sink = ''] = name.split('/');
  const found = sources.find((one) => one.name === source);
  if (found === undefined) return 'source';
  const own: Record<string, unknown> = { [HEARTBEAT.name]: heartbeat, [ALERT_LIMIT.name]: found.maxAlertsPerHour };
  if (own[stream] === undefined && !(found.streams as string[]).includes(stream)) return 'stream';
  return found.sinks.includes(sink) && sinks.some((one) => one.name === sink) ? undefined : 'sink';
}

function read(store: StateStore, name: string, ledger: number): Omit<Shown, 'removed'> {
  const state = store.pipeline(name);
  const [source = '', stream = ''] = name.split('/');
  const { rejections, ...counts } = state.counts();
  return {
    pipeline: name,
    coveredFromMs: state.coveredFromMs(),
    counts,
    children: state.childCounts(),
    rejections,
    walks: state.walks(),
    ledger: state.ledger(ledger),
    alarm: alarmOf(state),
    prepared: state
      .prepared(stream as `${string}.${string}`, source)
      .map(({ walk, number, ids }) => ({ walk, number, documents: ids.length })),
  };
}

function pipelineLines({
  pipeline,
  removed,
  coveredFromMs,
  counts,
  children,
  rejections,
  walks,
  ledger,
  alarm,
  prepared,
}: Shown): string[] {
  const { records, deleted, due, dropped, owed, gaps } = counts;
  const facts = [
    `${showCount(records)} records known`,
    `${showCount(deleted)} of them deleted`,
    `${showCount(due)} to be refreshed`,
    ...(owed > 0 ? [`${showCount(owed)} waiting for their detail`] : []),
    ...(gaps > 0 ? [`${showCount(gaps)} gaps`] : []),
  ];
  const since = coveredFromMs === undefined ? 'nothing was read yet' : `read from ${showTime(coveredFromMs)} on`;
  const rejected = `${showCount(rejections)} rejected${dropped > 0 ? `, ${showCount(dropped)} given up` : ''}`;
  const gone = removed === undefined ? '' : ` (removed: its ${removed} is not in the config any more)`;
  const lines = [`${pipeline}${gone}`, `  ${facts.join(', ')}; ${rejected}; ${since}`];
  if (alarm !== undefined) lines.push(`  ALARM since ${showTime(alarm.sinceMs)}: ${alarmText(alarm, pipeline)}`);
  const statuses = Object.entries(children).map(([status, count]) => `${showCount(count)} ${status}`);
  if (statuses.length > 0) lines.push(`  parents whose results are read: ${statuses.join(', ')}`);
  if (walks.length > 0)
    lines.push('  walks', ...table([['walk', 'from', 'to', 'state'], ...walks.map(walkCells)], '    '));
  if (ledger.length > 0) lines.push('  last windows', ...table([LEDGER_HEAD, ...ledger.map(ledgerCells)], '    '));
  for (const batch of prepared) {
    lines.push(
      `  batch ${batch.number} of ${batch.walk} (${batch.documents} documents) was being written when a process died; the next start asks the sink`,
    );
  }
  return lines;
}

function walkCells({ walk, range, cursor, finishedAtMs, isCancelled }: WalkRow): string[] {
  const { coveredMs, again = [] } = (cursor ?? {}) as { coveredMs?: number; again?: unknown[] };
  const covered = coveredMs === undefined ? 'under way' : `under way, read up to ${showTime(coveredMs)}`;
  const left = again.length > 0 ? `, ${again.length} windows to be read again` : '';
  const word = isCancelled ? 'cancelled' : 'finished';
  const rewound = finishedAtMs === 0 ? 'rewound' : `${word} ${showTime(finishedAtMs ?? 0)}`;
  return [
    walk,
    showTime(range.fromMs),
    showTime(range.toMs),
    finishedAtMs === undefined ? `${covered}${left}` : rewound,
  ];
}

const LEDGER_HEAD = ['at', 'walk', 'from', 'to', 'total', 'delivered', 'unchanged', 'rejected', 'owed', 'settled'];

function ledgerCells(row: StoredLedgerRow): string[] {
  const counts = [row.total, row.delivered, row.unchanged, row.rejected, row.owed].map(showCount);
  const settled = `${row.settled ? 'yes' : 'no'}${row.filter === undefined ? '' : ` (${row.filter})`}`;
  return [showTime(row.atMs), row.walk, showTime(row.range.fromMs), showTime(row.range.toMs), ...counts, settled];
}

function jobLines(jobs: JobRow[]): string[] {
  if (jobs.length === 0) return ['no backfills'];
  const rows = jobs.map(({ id, range, pipelines, status, message }) => [
    ...[String(id), showTime(range.fromMs), showTime(range.toMs), status],
    `${pipelines.join(', ')}${message === undefined ? '' : ` (${message})`}`,
  ]);
  return ['backfills', ...table([['job', 'from', 'to', 'status', 'pipelines'], ...rows], '  ')];
}
