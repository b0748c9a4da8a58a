/** The status as lines of text. */
import { plural, showCount, showDuration, showTime } from '../../observe/show.ts';
import type {
  JobStatus,
  SinkStatus,
  SourceStatus,
  Status,
  StreamStatus,
  WaitingFor,
} from '../../observe/status/model.ts';
import { table } from '../shared/table.ts';

export interface Seen {
  status: Status;
  /** Why this is from the state, where it is. */
  note?: string;
}

interface TextOptions {
  /** What is well, too, in full. */
  all: boolean;
}

export function linesOf({ status, note }: Seen, { all }: TextOptions): string[] {
  const nowMs = Date.parse(status.at);
  const bad = status.streams.filter(({ state }) => state !== 'healthy');
  const since = status.isRunning ? `, running since ${showTime(Date.parse(status.startedAt))}` : '';
  return [
    ...(note === undefined ? [] : [note]),
    `Sluice ${status.version}: ${status.isRunning ? status.state : 'not running'}${since}`,
    '',
    ...streamTable(status.streams, nowMs),
    ...bad.flatMap((one) => ['', ...troubleLines(one)]),
    ...(all ? status.streams.flatMap((one) => ['', ...wholeLines(one, nowMs)]) : []),
    ...(status.jobs.length > 0 ? ['', ...status.jobs.flatMap(jobLines)] : []),
    ...(status.isRunning ? ['', ...status.sources.map(sourceLine), ...status.sinks.map(sinkLine)] : []),
  ];
}

const DAY_LETTERS = 'SMTWTFS';

function streamTable(streams: readonly StreamStatus[], nowMs: number): string[] {
  const days = streams.find((one) => one.days.length > 0)?.days ?? [];
  const letters = days
    .map(({ day }) => DAY_LETTERS[new Date(`${day}T00:00:00Z`).getUTCDay()])
    .reverse()
    .join('');
  const head = ['stream', 'state', 'behind', 'last document', 'last hour', 'gaps', 'refused', 'owed', letters];
  const rows = streams.map((one) => [
    one.pipeline,
    one.state,
    durationOf(one.lagSeconds),
    agoOf(one.lastDocument, nowMs),
    showCount(one.perMinute.reduce((sum, count) => sum + count, 0)),
    ...[one.gaps.count, one.rejections.waiting, one.owed].map(showCount),
    barOf(one),
  ]);
  return table([head, ...rows]);
}

/** A sign for each day, today last: `=` was read to its end, `-` in part, `.` not at all. */
function barOf({ days }: StreamStatus): string {
  return days
    .map(({ read, gaps }) => (read >= 1 && gaps === 0 ? '=' : read > 0 ? '-' : '.'))
    .reverse()
    .join('');
}

function troubleLines(one: StreamStatus): string[] {
  const { pipeline, state, since, reason, advice, error, waiting, rejections } = one;
  const walks = one.walks.filter((walk) => walk.state === 'failing' || walk.state === 'degraded');
  return [
    `${pipeline} is ${state} since ${showTime(Date.parse(since))}: ${reason ?? ''}`,
    ...(advice === undefined ? [] : [`  → ${advice}`]),
    ...(error === undefined || error.message === reason
      ? []
      : [`  ${error.message}${error.advice ? ` → ${error.advice}` : ''}`]),
    ...walks.map((walk) => `  walk ${walk.walk} is ${walk.state}: ${walk.reason ?? ''}`),
    ...(waiting === undefined ? [] : [`  waits ${waitingText(waiting)}`]),
    ...rejections.causes.flatMap(({ cause, field, documents, reason: said, suggestion }) => [
      `  ${plural(documents, 'document')} refused: ${cause}${field === undefined ? '' : ` in ${field}`}: ${said}`,
      `  → ${suggestion}`,
    ]),
  ];
}

function wholeLines(one: StreamStatus, nowMs: number): string[] {
  const { ledger, expectWithinSeconds } = one;
  const parts = [
    ...[`${showCount(ledger.delivered)} delivered`, `${showCount(ledger.givenUp)} given up`],
    ...[`${showCount(ledger.unchanged)} unchanged`, `${showCount(ledger.rejected)} refused`],
    ...[`${showCount(ledger.owed)} owed`, `${showCount(ledger.dropped)} dropped`],
  ];
  const expected = expectWithinSeconds === undefined ? 'not known' : `at most ${durationOf(expectWithinSeconds)}`;
  const facts: [string, string][] = [
    ['settled up to', timeOf(one.settledUntil)],
    ['newest record', timeOf(one.newestRecord)],
    ['last success', timeOf(one.lastSuccess)],
    ['last document', timeOf(one.lastDocument)],
    ['quiet for', `${durationOf(one.quietSeconds)}; expected: ${expected}`],
    ['objective', durationOf(one.objectiveSeconds)],
    [
      'ledger since the start',
      `${showCount(ledger.distinct)} records = ${parts.join(' + ')}${ledger.isBalanced ? '' : ' (DOES NOT ADD UP)'}`,
    ],
    [
      'gaps',
      one.gaps.count === 0 ? 'none' : `${showCount(one.gaps.count)}, the oldest since ${timeOf(one.gaps.since)}`,
    ],
  ];
  const walks = one.walks.map((walk) => [
    ...[`walk ${walk.walk}`, walk.state, `ended ${agoOf(walk.lastSuccess, nowMs)}`],
    ...[
      `last document ${agoOf(walk.lastDocument, nowMs)}`,
      walk.waiting === undefined ? '' : `waits ${waitingText(walk.waiting)}`,
    ],
  ]);
  const days = one.days.map(({ day, read, gaps }) => [
    day,
    `${(Math.floor(read * 1000) / 10).toFixed(1)} % read`,
    plural(gaps, 'gap'),
  ]);
  return [one.pipeline, ...table(facts, '  '), ...table(walks, '  '), ...table(days, '  ')];
}

function jobLines(job: JobStatus): string[] {
  const { id, status, part, records, finished, delivered, rejected, secondsLeft, behind, from, to } = job;
  const of = records === undefined ? 'not counted yet' : `${showCount(finished)} of ${plural(records, 'record')}`;
  const left = secondsLeft === undefined ? '' : `, about ${durationOf(secondsLeft)} left`;
  return [
    `job ${id} (${timeOf(from)} to ${timeOf(to)}): ${status}, ${Math.floor(part * 100)} %, ${of}, ${showCount(delivered)} delivered, ${showCount(rejected)} refused${left}`,
    ...(behind === undefined ? [] : [`  waits behind ${behind}`]),
  ];
}

function sourceLine({ source, state, owned, requests, throttled, budget }: SourceStatus): string {
  if (owned === false) return `source ${source}: another instance has it, or nobody yet`;
  const all = Object.entries(requests);
  const sum = all.reduce((total, [, count]) => total + count, 0);
  const by = all.map(([status, count]) => `${showCount(count)} × ${status}`).join(', ');
  const slowed =
    budget.allowedPerSecond < budget.requestsPerSecond ? ` (slowed to ${budget.allowedPerSecond.toFixed(1)})` : '';
  const used = `${Math.round(budget.usedRatio * 100)} % of ${budget.requestsPerSecond} a second${slowed} used`;
  const waited = `requests waited ${durationOf(budget.waitedSeconds)} for it in all`;
  return `source ${source} (${state}): ${plural(sum, 'request')}${sum > 0 ? ` (${by})` : ''}, ${showCount(throttled)} times asked for a slower pace; ${used}, ${waited}`;
}

function sinkLine(one: SinkStatus): string {
  const { sink, type, state, writes, meanSeconds, lastSeconds, bytes, retries, templatesCurrent } = one;
  const took =
    meanSeconds === undefined ? '' : `, ${durationOf(meanSeconds)} each, the last ${durationOf(lastSeconds)}`;
  const templates =
    templatesCurrent === undefined
      ? ''
      : `; templates ${templatesCurrent ? 'are of this version' : 'are older: `sluice setup`'}`;
  return `sink ${sink} (${type}, ${state}): ${plural(writes, 'batch').replace('batchs', 'batches')}${took}, ${showCount(bytes)} bytes, ${showCount(retries)} tried again${templates}`;
}

function waitingText({ for: what, why, seconds }: WaitingFor): string {
  return `${durationOf(seconds)} for the ${what}: ${why}`;
}

function durationOf(seconds: number | undefined): string {
  return seconds === undefined ? '-' : showDuration(seconds * 1000);
}

function timeOf(at: string | undefined): string {
  return at === undefined ? '-' : showTime(Date.parse(at));
}

function agoOf(at: string | undefined, nowMs: number): string {
  return at === undefined ? 'never' : `${showDuration(Math.max(0, nowMs - Date.parse(at)))} ago`;
}
