/** Detections: CylanceOPTICS API guide, "Get Detections" and "Get Detection". */
import { members } from '../../members/cylance/detection.ts';
import {
  actionOf,
  EVERYTHING,
  keyOf,
  type Lifecycle,
  type ListQuery,
  type ListReply,
  lockedOut,
  memberOf,
  parseTimeMs,
  SluiceError,
  type Stream,
  type StreamContext,
  type Validators,
  walkWindows,
} from '../../src/index.ts';
import { SHA256_NOTE, sha256sIn } from './shared/hashes.ts';
import { readPage, recordAt, textOf } from './shared/pages.ts';

const LIST = '/detections/v2';
const LIST_SCOPE = 'opticsdetect:list';
const READ_SCOPE = 'opticsdetect:read';
/** Guide, "Update Detection". */
const LIFECYCLE: Lifecycle = {
  change: 'detection-status-changed',
  open: ['New', 'In Progress', 'Follow Up', 'Reviewed'],
  closed: ['Done', 'False Positive'],
};
const CLOSED = new Set(LIFECYCLE.closed.map((status) => status.toLowerCase()));

export const detection: Stream = {
  name: 'cylance.detection',
  about: {
    title: 'CylanceOPTICS detections',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}/details`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'time windows, with details',
    key: 'the id of the detection',
    limits: [
      'who closed one, and when exactly, the vendor does not say: `event.end` is when it was seen closed, up to `cylance.detection.end_precision` (ns) too late ([decision 0070](decisions/0070-closed-when-seen.md))',
      'one that is deleted at the vendor is noticed only while its time lies within a sweep, a backfill or a refresh, and only with `reading.details` on ([decision 0029](decisions/0029-a-deletion-is-proven.md))',
      'what arrives before everything that was read is found by counting, at the next sweep, unless something is deleted in the same part of time or the list does not say when it arrived ([decision 0028](decisions/0028-records-outside-every-window.md))',
    ],
  },
  mode: 'windows',
  ignored: ['SeveritySortLevel', 'StatusSortLevel'],
  secrets: [],
  key(record) {
    const id = textOf(memberOf(members, record, 'Id'));
    if (id === undefined) throw new Error('the detection has no Id');
    return id;
  },
  timeMs,
  isOpen: (record) => !CLOSED.has((textOf(memberOf(members, record, 'Status')) ?? '').toLowerCase()),
  changes: [
    { action: LIFECYCLE.change, of: (record) => textOf(memberOf(members, record, 'Status')) },
    { action: 'detection-severity-changed', of: (record) => textOf(memberOf(members, record, 'Severity')) },
    { action: 'detection-commented', of: (record) => memberOf(members, record, 'Comment') },
    { action: 'detection-responded', of: (record) => memberOf(members, record, 'Responses') },
  ],
  actions: { updated: 'detection-updated', deleted: 'detection-deleted' },
  lifecycle: LIFECYCLE,
  notes: (record) => sha256sIn(record).map((id) => ({ kind: SHA256_NOTE, id, value: '' })),
  pages: (context, walk, from) => {
    const partition = { name: 'severity', values: ['Informational', 'Low', 'Medium', 'High'] };
    return walkWindows(context, { list: (query) => list(context, query), key: detection.key, partition }, walk, from);
  },
  // `ArtifactsOfInterest` maps states to artifacts: the first state is the first member of the text.
  async peek(context, range) {
    const { total = 0, records } = await list(context, { range, page: 1, pageSize: 1 }, true);
    const [first] = records;
    return { total, first: first === undefined ? undefined : keyOf(detection, first), firstMs: timeMs(first) };
  },
  arrivedMs: (record) => parseTimeMs(memberOf(members, record, 'ReceivedTime')),
  detail: (context, key) =>
    recordAt(context, key, { path: `${LIST}/{id}/details`, scope: READ_SCOPE, key: detection.key, ordered: true }),
  tombstone: (key, timeMs) => ({
    Id: key,
    ...(timeMs === undefined ? {} : { OccurrenceTime: new Date(timeMs).toISOString() }),
    Deleted: true,
  }),
};

function timeMs(record: unknown): number | undefined {
  return (
    parseTimeMs(memberOf(members, record, 'OccurrenceTime')) ?? parseTimeMs(memberOf(members, record, 'ReceivedTime'))
  );
}

/** `isThere`: the caller has read the list already, so that an empty window is not checked by a request without bounds. */
async function list(context: StreamContext, query: ListQuery, isThere = false): Promise<ListReply> {
  const { page, pageSize, range, filter } = query;
  const bounds = {
    start: range.fromMs <= EVERYTHING.fromMs ? undefined : new Date(range.fromMs).toISOString(),
    end: range.toMs >= EVERYTHING.toMs ? undefined : new Date(range.toMs).toISOString(),
  };
  const filters = filter === undefined ? {} : { [filter.name]: filter.value };
  let digest: string | undefined;
  let validators: Validators | undefined;
  try {
    const reply = await context.client.json<ListReply>({
      path: LIST,
      route: LIST,
      query: { ...bounds, ...filters, sort: 'OccurrenceTime', page, page_size: pageSize },
      scope: LIST_SCOPE,
      priority: context.priority,
      signal: context.signal,
      retry: query.retry ?? (page > 1 ? 'few' : 'patient'), // a window with a deep page that keeps failing is split
      unless: query.unless,
      recognise: (found, said) => {
        [digest, validators] = [found, said];
        return query.recognise?.(found);
      },
      accept: (reply) => readPage(reply, `GET ${LIST}`, { page, pageSize }),
    });
    return { ...reply, digest, validators };
  } catch (error) {
    if (actionOf(error) !== 'skip') throw error;
    // "The detection resources page requested does not exist": a page past the end, an empty list, or a wrong address.
    if (page > 1) throw new SluiceError('the list shrank while it was read', { action: 'walk-again', cause: error });
    if (!isThere) await existsAtAll(context, error);
    return { records: [], total: 0, pageSize };
  }
}

/** An empty window may answer 404; if the list without bounds answers 404 too, the address is wrong. */
async function existsAtAll(context: StreamContext, cause: unknown): Promise<void> {
  const { priority, signal } = context;
  const recent = { path: `${LIST}/recent`, route: LIST, scope: LIST_SCOPE, priority, signal };
  await context.client.json({ ...recent, accept: (reply) => reply }).catch((error: unknown) => {
    if (actionOf(error) !== 'skip') throw error;
    const advice = 'Check region and base_url of the source.';
    throw lockedOut(`GET ${LIST} answers 404 for everything`, { advice, cause });
  });
}
