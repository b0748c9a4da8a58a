/**
 * The results of focus views: CylanceOPTICS API guide, "Get Focus View Results". The guide does not describe the content of
 * `result` ("parsing this data is beyond the scope of this article"): each entry of a list becomes a record with the member
 * `Entry`, any other content one record with the member `Result`.
 */

import { members as views } from '../../members/cylance/focus-view.ts';
import { around, FocusView, members, observed } from '../../members/cylance/focus-view-result.ts';
import {
  type Child,
  exactHashOf,
  type Json,
  listedParents,
  meaningsIn,
  memberOf,
  type Parents,
  parseTimeMs,
  pathTo,
  type ReadingEnd,
  SluiceError,
  type Stream,
  type StreamContext,
  walkChildren,
} from '../../src/index.ts';
import { listViews, viewId } from './focus-view.ts';
import { parsedText } from './instaquery-result.ts';
import { member, textOf } from './shared/pages.ts';

const ROUTE = '/foci/v2/{id}/results';
const SCOPE = 'opticsfocus:read';

export const focusViewResult: Stream = {
  name: 'cylance.focus_view_result',
  about: {
    title: 'CylanceOPTICS focus view results',
    endpoints: ['GET /foci/v2', `GET ${ROUTE}`],
    scopes: [SCOPE],
    reading: 'per focus view that is available',
    key: 'the id of the focus view; of a result that is a list, also a hash of the entry: what is listed twice is shipped once',
    limits: [
      'what a focus view shows is not documented by the vendor: it is kept as it came, artifacts in it are recognised by the forms of detections and InstaQueries, and a result above `http.max_body` is not read',
    ],
  },
  mode: 'children',
  // `FocusView` is added by Sluice. All of the content is compared, since it is not documented.
  ignored: ['FocusView'],
  secrets: [],
  key(record) {
    const view = textOf(memberOf(FocusView, memberOf(members, record, 'FocusView'), 'id'))?.toUpperCase();
    if (view === undefined) throw new Error('the result has no focus view');
    const entry = memberOf(members, record, 'Entry');
    if (entry !== undefined) return `${view}/${exactHashOf(entry)}`;
    if (memberOf(members, record, 'Result') === undefined) throw new Error('the result has no content');
    return view;
  },
  timeMs(record) {
    const content = memberOf(members, record, 'Entry') ?? memberOf(members, record, 'Result');
    const inner = memberOf(around, content, 'Result') ?? content;
    const names = ['LastObserved', 'FirstObserved', 'EventTime'] as const;
    const found = names.map((name) => parseTimeMs(memberOf(observed, inner, name))).find((time) => time !== undefined);
    return found ?? parseTimeMs(memberOf(FocusView, memberOf(members, record, 'FocusView'), 'created_at'));
  },
  isOpen: () => false,
  changes: [],
  actions: { updated: 'focus-view-result-updated' },
  pages: (context, walk) => walkChildren(context, walk, { name: 'focus view', parents, read }),
};

function parents(context: StreamContext): Promise<Parents> {
  return listedParents(context, { lists: [listViews(context)], key: viewId }, toChild);
}

/** Members of a focus view that do not change, and that its results carry. */
const FACTS = ['device_id', 'hostname', 'artifact_type', 'value', 'threat_type', 'description', 'created_at'] as const;

/** The result is being made, and will come. */
const PENDING = 'pending';
/** No result is being made until somebody requests it (again), which changes the status. */
const IDLE: ReadonlySet<string> = new Set(['request', 'retry_request', 'unavailable']);
/** There will never be a result. */
const FAILED: ReadonlySet<string> = new Set(['does_not_exist', 'unknown_device']);
/** The guide: "DONE: synonymous with AVAILABLE". */
const AVAILABLE: ReadonlySet<string> = new Set(['available', 'done']);

/** The status is the version of a view, so that a view that is requested again is read again. A view with an unknown status is read. */
function toChild(key: string, view: unknown): Child {
  const status = statusOf(view);
  const facts: Record<string, Json> = {};
  for (const name of FACTS) {
    const text = textOf(memberOf(views, view, name));
    if (text !== undefined) facts[name] = text;
  }
  const complete = status !== PENDING;
  return { key, version: status, complete, expectsRecords: AVAILABLE.has(status), facts: { status, view: facts } };
}

function statusOf(record: unknown): string {
  return textOf(memberOf(views, record, 'status'))?.toLowerCase() ?? '';
}

/** Only a view that may have a result costs a request; the others wait for another status. */
async function* read(context: StreamContext, child: Child): AsyncGenerator<unknown[], ReadingEnd> {
  const listed = child.facts.status;
  if (typeof listed === 'string') {
    if (listed === PENDING) return 'pending';
    if (IDLE.has(listed) || FAILED.has(listed)) return true;
  }
  const path = pathTo(ROUTE, child.key);
  const { priority, signal } = context;
  const reply = await context.client.json({
    ...{ path, route: ROUTE, scope: SCOPE, priority, signal, retry: 'brief' as const },
    accept: (body) => ofView(body, child.key, path),
  });
  const records = toRecords(member(reply, 'result'), child);
  for (let at = 0; at < records.length; at += PART) yield records.slice(at, at + PART);
  return endOf(statusOf(reply), records.length > 0);
}

const PART = 250;

/** The status of the reply decides, since the list may be older. An empty result has to be seen twice. */
function endOf(status: string, isFilled: boolean): ReadingEnd {
  if (status === PENDING || IDLE.has(status)) return 'pending';
  return FAILED.has(status) || (AVAILABLE.has(status) && isFilled);
}

function ofView(reply: unknown, key: string, path: string): unknown {
  const id = textOf(memberOf(views, reply, 'id'));
  if (id !== undefined && id.toLowerCase() !== key.toLowerCase()) {
    throw new SluiceError(`GET ${path}: the reply is of another focus view, ${id}`, { action: 'retry' });
  }
  if (statusOf(reply) === '' && member(reply, 'result') === undefined) {
    throw new SluiceError(`GET ${path}: the reply has neither a status nor a result`, { action: 'retry' });
  }
  return reply;
}

/** The records of one reply, each with its focus view. Objects and lists may be JSON in a text. */
export function toRecords(result: unknown, { key, facts }: Pick<Child, 'key' | 'facts'>): unknown[] {
  const known = typeof facts.view === 'object' && facts.view !== null ? facts.view : {};
  const FocusView = { id: key, ...known };
  const content = parsedText(result);
  if (Array.isArray(content)) return content.filter(isFilled).map((entry) => ({ Entry: toEntry(entry), FocusView }));
  return isFilled(content) ? [{ Result: content, FocusView }] : [];
}

function isFilled(content: unknown): boolean {
  if (typeof content === 'object' && content !== null) return Object.keys(content).length > 0;
  return content !== undefined && content !== null && content !== '';
}

/** An entry may be JSON in a text, and so may its `Result`, as in the replies of InstaQueries. */
function toEntry(given: unknown): unknown {
  const entry = parsedText(given);
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return entry;
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [
      name,
      meaningsIn(around)(name)?.name === 'Result' ? parsedText(value) : value,
    ]),
  );
}
