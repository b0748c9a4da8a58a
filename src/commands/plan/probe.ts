/** Asks the vendor for a count, and for a few records: what a backfill of one pipeline would take. Writes nothing. */
import type { VendorClient } from '../../api/client.ts';
import { actionOf } from '../../api/errors.ts';
import { revisionOf } from '../../api/records/identity.ts';
import { withoutSecrets } from '../../api/records/secrets.ts';
import type { Stream, StreamContext } from '../../api/stream.ts';
import type { Range, Walk } from '../../api/walk.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import { toDocument } from '../../engine/change/document.ts';
import { factsOf, listRequests } from '../../engine/jobs/estimate.ts';
import { stamped, toJson } from '../../sinks/serialize.ts';
import type { PipelineState } from '../../state/store.ts';
import type { CommandContext } from '../shared/command-context.ts';
import { firstRecords, streamContextFor } from '../shared/probe.ts';

/** What a backfill is expected to take, in one pipeline. */
export interface Planned {
  pipeline: string;
  source: string;
  /** The vendor's count; of children, what those that were looked at let expect. */
  records: number;
  /** Of them, those that the state knows. */
  known: number;
  requests: number;
  documents: number;
  bytes: number;
  alerts: number;
  /** Records that were looked at. */
  sampled: number;
}

interface ProbeTools {
  context: CommandContext;
  plan: PipelinePlan;
  /** Undefined where the state has no such pipeline. */
  state: PipelineState | undefined;
  range: Range;
  as: 'event' | undefined;
  signal: AbortSignal;
}

/** Parts of the range from which records are taken: what is delivered changes over the months. */
const PLACES = 4;
const SAMPLED_PER_PLACE = 8;
const SAMPLED_CHILDREN = 6;

export async function planPipeline(tools: ProbeTools): Promise<Planned> {
  const { context, plan, state, signal } = tools;
  const counts = { requests: 0 };
  const base = streamContextFor(context, plan, signal);
  const asked: StreamContext = {
    ...base,
    client: counting(base.client, counts),
    knownChild: (key) => state?.child(key),
    openChildren: () => state?.openChildren() ?? [],
  };
  const { mode } = plan.registered.stream;
  if (mode === 'children') return ofChildren(tools, asked, counts);
  return ofRecords(tools, asked, counts);
}

function counting(client: VendorClient, counts: { requests: number }): VendorClient {
  return {
    ...client,
    json(request) {
      counts.requests++;
      return client.json(request);
    },
    parts(request) {
      counts.requests++;
      return client.parts(request);
    },
  };
}

async function ofRecords(tools: ProbeTools, asked: StreamContext, counts: { requests: number }): Promise<Planned> {
  const { plan, state, range } = tools;
  const { stream } = plan.registered;
  let records = 0;
  const counted = (_range: Range, more: number) => {
    records += more;
  };
  let found: unknown[] = [];
  if (stream.mode === 'windows') {
    records = (await stream.peek?.(asked, range))?.total ?? 0;
    for (const part of records === 0 ? [] : partsOf(range))
      found.push(...(await firstRecords(plan, asked, part, SAMPLED_PER_PLACE)));
  } else found = await firstRecords(plan, { ...asked, counted }, range, PLACES * SAMPLED_PER_PLACE);
  const known = Math.min(records, state === undefined ? 0 : knownOf(state, stream.mode, range));
  const before = counts.requests;
  const seen = await documentsOf(tools, asked, found);
  const details = found.length === 0 ? 0 : (counts.requests - before) / found.length;
  const fresh = records - known;
  const requests = Math.ceil(listRequests(records, factsOf(plan)) + fresh * details);
  return planned(tools, { records, known, requests, fresh, seen });
}

function knownOf(state: PipelineState, mode: Stream['mode'], range: Range): number {
  if (mode === 'windows') return state.countBetween(range);
  const { records, deleted } = state.recordsInAll();
  return records - deleted;
}

/** The begin of each part. */
function partsOf({ fromMs, toMs }: Range): Range[] {
  const at = (index: number) => fromMs + Math.round(((toMs - fromMs) * index) / PLACES);
  return Array.from({ length: PLACES }, (_, index) => ({ fromMs: at(index), toMs: at(index + 1) }));
}

/** A few of the children that are due are read; the others are taken to be like them. */
async function ofChildren(tools: ProbeTools, asked: StreamContext, counts: { requests: number }): Promise<Planned> {
  const { plan, range } = tools;
  const { stream } = plan.registered;
  let due = 0;
  let forParents = 0;
  const settings = { ...asked.settings, childConcurrency: 1 };
  const counted = (_range: Range, children: number) => {
    due = children;
    forParents = counts.requests;
  };
  const walk: Walk = { id: 'plan', kind: 'backfill', range, once: true };
  const found: unknown[] = [];
  let [read, records] = [0, 0];
  for await (const page of stream.pages({ ...asked, settings, counted }, walk, undefined)) {
    records += page.records.length;
    for (const record of page.records)
      if (found.length < PLACES * SAMPLED_PER_PLACE) found.push(withoutSecrets(record, stream.secrets));
    if (page.child !== undefined) read++;
    if (read >= SAMPLED_CHILDREN) break;
  }
  if (due === 0) forParents = counts.requests;
  const each =
    read === 0
      ? { records: 0, requests: 1 }
      : { records: records / read, requests: (counts.requests - forParents) / read };
  const all = Math.round(each.records * due);
  const requests = Math.ceil(forParents + each.requests * due);
  const seen = await documentsOf(tools, asked, found);
  return planned(tools, { records: all, known: 0, requests, fresh: all, seen });
}

interface Seen {
  sampled: number;
  documents: number;
  bytes: number;
  alerts: number;
}

/** The documents that the sampled records become, as `run` would ship them the first time. */
async function documentsOf({ context, plan, as }: ProbeTools, asked: StreamContext, found: unknown[]): Promise<Seen> {
  const { registered, source, own } = plan;
  const { stream } = registered;
  const known = registered.connector.facts(source);
  const nowMs = context.tools.now();
  const seen: Seen = { sampled: found.length, documents: 0, bytes: 0, alerts: 0 };
  for (const listed of found) {
    const record = await wholeRecord(plan, asked, listed);
    const revision = revisionOf(record, new Set(stream.ignored));
    const facts = { key: stream.key(listed), revision, ordinal: 1, action: undefined, detailMissing: false };
    let document = toDocument(registered, known, record, facts, { as }, nowMs);
    if (own !== undefined) {
      const applied = own.apply(document, record, known);
      if ('droppedBy' in applied) continue;
      document = applied.document;
    }
    seen.documents++;
    if ((document.event as { kind?: string }).kind === 'alert') seen.alerts++;
    seen.bytes += Buffer.byteLength(stamped(toJson(document), new Date(nowMs).toISOString())) + 1;
  }
  return seen;
}

async function wholeRecord(plan: PipelinePlan, asked: StreamContext, listed: unknown): Promise<unknown> {
  const { stream } = plan.registered;
  if (!plan.source.reading.details || stream.detail === undefined || stream.mode === 'children') return listed;
  try {
    return withoutSecrets(await stream.detail(asked, stream.key(listed), listed, () => true), stream.secrets);
  } catch (error) {
    if (actionOf(error) === 'skip') return listed;
    throw error;
  }
}

function planned(
  { plan }: ProbeTools,
  { seen, fresh, ...counts }: Pick<Planned, 'records' | 'known' | 'requests'> & { fresh: number; seen: Seen },
): Planned {
  const share = (of: number) => (seen.sampled === 0 ? 0 : (of / seen.sampled) * fresh);
  return {
    ...{ pipeline: plan.name, source: plan.source.name, ...counts },
    documents: Math.round(seen.sampled === 0 ? fresh : share(seen.documents)),
    ...{ bytes: Math.round(share(seen.bytes)), alerts: Math.round(share(seen.alerts)), sampled: seen.sampled },
  };
}
