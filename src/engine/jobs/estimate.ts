/** How many requests reading takes: from the vendor's counts, from how a stream is read, and from what it took so far. */
import type { JobPart } from '../../state/jobs/parts.ts';
import type { PipelinePlan } from '../build.ts';

/** What is known of how a pipeline reads. */
export interface ReadingFacts {
  pageSize: number;
  maxWindowRecords: number;
  requestsPerSecond: number;
  /** Each new record costs a request for its detail, at least. */
  hasDetails: boolean;
  /** Windows, children or whole lists. */
  mode: 'windows' | 'snapshot' | 'children';
}

export function factsOf({ source, registered }: Pick<PipelinePlan, 'source' | 'registered'>): ReadingFacts {
  const { pageSize, maxWindowRecords, details } = source.reading;
  const { stream } = registered;
  const hasDetails = details && stream.detail !== undefined;
  return {
    ...{ pageSize, maxWindowRecords, hasDetails, mode: stream.mode },
    requestsPerSecond: source.rate.requestsPerSecond,
  };
}

/** Lists are read until two readings say the same. */
const PASSES = 2;
/** Windows are cut by time, so few are full: of so much of what they may hold. */
const FILLED = 0.6;

/** Requests to read so many records of a list: each page twice, and one that finds that the list is too long for a window. */
export function listRequests(records: number, facts: ReadingFacts): number {
  if (facts.mode === 'children') return records;
  const windows = records < facts.maxWindowRecords ? 1 : Math.ceil(records / (facts.maxWindowRecords * FILLED));
  const pages = Math.max(windows, Math.ceil(records / facts.pageSize) + (windows - 1) / 2);
  return (facts.mode === 'windows' && windows > 1 ? 1 : 0) + PASSES * Math.ceil(pages);
}

/** What a walk has done, and what is left for it. */
export interface Work {
  /** The vendor's count of the whole range; undefined before the first. */
  records: number | undefined;
  finished: number;
  documents: number;
  rejected: number;
  requests: number;
  /** Undefined while nothing is counted. */
  requestsLeft: number | undefined;
  /** Requests a second, as it went lately. */
  pace: number | undefined;
  /** When it moved last; undefined before it began. */
  atMs: number | undefined;
  workedMs: number;
}

/** What the parts of a job say together: each record counts once, in the smallest part that has it. */
interface Sum {
  /** Records that are not finished: in parts that have been begun, and in those that are still to be counted. */
  begun: number;
  rest: number;
  finished: number;
  /** Records that were not known before the job. */
  fresh: number;
}

/** The work of a job in a pipeline, from its parts. */
export function workOf(parts: readonly JobPart[], facts: ReadingFacts | undefined): Work {
  const sum = (member: 'documents' | 'rejected' | 'listRequests' | 'detailRequests' | 'workedMs') =>
    parts.reduce((all, part) => all + part[member], 0);
  const requests = sum('listRequests') + sum('detailRequests');
  const done = { documents: sum('documents'), rejected: sum('rejected'), requests, workedMs: sum('workedMs') };
  const counted = parts.filter((part) => part.counted > 0 || part.listRequests > 0);
  const current = [...counted].sort((one, other) => other.atMs - one.atMs)[0];
  const pace = paceOf(parts);
  if (current === undefined)
    return { records: undefined, finished: 0, ...done, requestsLeft: undefined, pace, atMs: undefined };
  const left: Sum = { begun: 0, rest: 0, finished: 0, fresh: 0 };
  const roots = treeOf(counted.filter((part) => part.counted > 0)); // others are empty, or were counted anew
  for (const root of roots) add(left, root, current);
  const records = roots.reduce((all, { part }) => all + part.counted, 0);
  const requestsLeft = requestsFor(left, parts, current, facts, sum('detailRequests'));
  return { records, finished: left.finished, ...done, requestsLeft, pace, atMs: current.atMs };
}

interface Node {
  part: JobPart;
  within: Node[];
}

/** Parts of a part below it: a range is counted, and then each of the windows into which it is split. */
function treeOf(parts: readonly JobPart[]): Node[] {
  const roots: Node[] = [];
  const above: Node[] = [];
  for (const part of [...parts].sort(
    (one, other) => one.range.fromMs - other.range.fromMs || other.range.toMs - one.range.toMs,
  )) {
    const node = { part, within: [] };
    while (above.length > 0 && (above.at(-1) as Node).part.range.toMs < part.range.toMs) above.pop();
    (above.at(-1)?.within ?? roots).push(node);
    above.push(node);
  }
  return roots;
}

function add(left: Sum, { part, within }: Node, current: JobPart): void {
  if (within.length > 0) {
    const span = within.reduce((all, { part: { range } }) => all + range.toMs - range.fromMs, 0);
    const isWhole = span >= part.range.toMs - part.range.fromMs;
    const uncounted = isWhole ? 0 : Math.max(0, part.counted - sumOf(within, 'counted'));
    const known = Math.max(0, part.known - sumOf(within, 'known'));
    left.rest += uncounted;
    left.fresh += Math.max(0, uncounted - known);
    for (const node of within) add(left, node, current);
    return;
  }
  // The walk has passed every part but the one at hand.
  const finished = part === current ? Math.min(part.finished, part.counted) : part.counted;
  left.finished += finished;
  left.begun += part.counted - finished;
  left.fresh += part.counted - Math.min(part.known, part.counted);
}

function sumOf(nodes: readonly Node[], member: 'counted' | 'known'): number {
  return nodes.reduce((all, { part }) => all + part[member], 0);
}

/** Fewer records say too little about how many requests one takes. */
const FEW = 20;

function requestsFor(
  { begun, rest, finished, fresh }: Sum,
  parts: readonly JobPart[],
  current: JobPart,
  facts: ReadingFacts | undefined,
  details: number,
): number {
  const unread = begun + rest;
  if (facts?.mode === 'children') {
    const requests = parts.reduce((all, part) => all + part.listRequests + part.detailRequests, 0);
    return unread * (finished > 0 ? requests / finished : 1);
  }
  // Where in the range the new ones are, nobody knows: so what was shipped is taken off their number.
  const shipped = parts.reduce((all, { documents, rejected }) => all + documents + rejected, 0);
  const usual = (facts?.hasDetails ?? details > 0) ? 1 : 0;
  const each = shipped >= FEW ? details / shipped : usual;
  const forDetails = Math.min(unread, Math.max(0, fresh - shipped)) * each;
  if (facts === undefined) {
    const lists = parts.reduce((all, part) => all + part.listRequests, 0);
    return unread * (finished > 0 ? lists / finished : 0) + forDetails;
  }
  const ofCurrent = Math.max(0, listRequests(current.counted, facts) - current.listRequests);
  return ofCurrent + (rest > 0 ? listRequests(rest, facts) : 0) + forDetails;
}

/** The pace is that of so long. */
const LATELY_MS = 60_000;
/** Less says nothing of a pace. */
const LEAST_MS = 3000;
const LEAST_REQUESTS = 10;

/** Requests a second, in the parts that were worked on last. */
function paceOf(parts: readonly JobPart[]): number | undefined {
  let requests = 0;
  let ms = 0;
  for (const part of [...parts].sort((one, other) => other.atMs - one.atMs)) {
    requests += part.listRequests + part.detailRequests;
    ms += part.workedMs;
    if (ms >= LATELY_MS) break;
  }
  return ms >= LEAST_MS && requests >= LEAST_REQUESTS ? requests / (ms / 1000) : undefined;
}
