/** The query of a panel as Elasticsearch executes it, and what its reply says: what Kibana shows, and what tests compare. */
import { fieldsOf, fits, ofStreams, type Query, toQuery } from './condition.ts';
import type { CountPanel, Grouping, Measure, NowPanel, Panel, SearchPanel } from './definitions/types.ts';
import { viewOf } from './definitions/views.ts';

export interface PanelQuery {
  index: string;
  body: Readonly<Record<string, unknown>>;
}

export interface PanelRow {
  /** One for each grouping. */
  labels: string[];
  /** One for each measure; null where there is none. */
  values: unknown[];
}

/** So many records are told apart where the newest revision of each is asked for; the cluster's own limit is 65,536. */
export const MOST_RECORDS = 50_000;
export const NOTHING_SAID = '(none)';

/** `narrowed`: what the time picker and the controls of a dashboard add. */
export function panelQuery(panel: Panel, narrowed: readonly Query[] = []): PanelQuery {
  const query = { bool: { filter: [toQuery(ofStreams(panel.streams, panel.where)), ...narrowed] } };
  const index = viewOf(panel.view).pattern;
  if (panel.as === 'search') return { index, body: { query, ...searchBody(panel) } };
  const aggs = panel.as === 'now' ? nowAggregation(panel) : aggregationOf(panel, panel.groups);
  return { index, body: { size: 0, track_total_hits: true, query, aggs } };
}

function searchBody({ columns, sort }: SearchPanel) {
  return { size: 500, sort: [{ [sort]: 'desc' }], fields: [...columns], _source: false };
}

/** The newest document of each record; the same for tests and for Vega. */
export function nowAggregation(panel: NowPanel): Record<string, unknown> {
  const { id, newest, tie } = panel.thing;
  const hits = {
    ...{ size: 1, _source: false, docvalue_fields: nowFields(panel) },
    sort: [{ [newest]: 'desc' }, ...(tie === undefined ? [] : [{ [tie]: 'asc' }])],
  };
  return { records: { terms: { field: id, size: MOST_RECORDS }, aggs: { last: { top_hits: hits } } } };
}

/** What has to be known of the newest documents. */
export function nowFields({ group, unless }: NowPanel): string[] {
  const own = 'field' in group ? [group.field] : group.cases.flatMap(({ where }) => fieldsOf(where));
  return [...new Set([...own, ...(unless === undefined ? [] : fieldsOf(unless))])];
}

function aggregationOf(panel: CountPanel, groups: readonly Grouping[], depth = 0): Record<string, unknown> {
  const [group, ...others] = groups;
  if (group === undefined) return measuresOf(panel);
  const within = aggregationOf(panel, others, depth + 1);
  return { [`group${depth}`]: { ...bucketsOf(group, panel), aggs: { ...measuresOf(panel), ...within } } };
}

function bucketsOf(group: Grouping, panel: CountPanel): Record<string, unknown> {
  if ('time' in group) return { date_histogram: { field: group.time, calendar_interval: '1d', min_doc_count: 1 } };
  if ('cases' in group) {
    const filters = Object.fromEntries(group.cases.map(({ label, where }) => [label, toQuery(where)]));
    return { filters: { filters } };
  }
  const order = group.by === 'name' ? { _key: 'asc' } : { [orderOf(panel)]: 'desc' };
  return {
    terms: {
      field: group.field,
      size: group.most,
      shard_size: shardSize(group.most),
      order,
      ...(group.missing ? { missing: NOTHING_SAID } : {}),
    },
  };
}

/** What Lens asks of each shard in its accuracy mode: with less, a value that is frequent in one index only is counted short. */
function shardSize(most: number): number {
  return Math.max(1000, Math.floor(most * 1.5) + 10);
}

/** The first measure: what is most comes first. */
function orderOf({ measures: [first] }: CountPanel): string {
  return first === undefined || ('count' in first && first.where === undefined) ? '_count' : 'measure0';
}

function measuresOf({ measures }: CountPanel): Record<string, unknown> {
  return Object.fromEntries(
    measures.flatMap((measure, at) => {
      const made = measureOf(measure);
      return made === undefined ? [] : [[`measure${at}`, made]];
    }),
  );
}

function measureOf(measure: Measure): Record<string, unknown> | undefined {
  if ('count' in measure) return measure.where === undefined ? undefined : { filter: toQuery(measure.where) };
  if ('distinct' in measure) return { cardinality: { field: measure.distinct } };
  if ('average' in measure) return { avg: { field: measure.average } };
  if ('sum' in measure) return { sum: { field: measure.sum } };
  if ('newest' in measure) return { max: { field: measure.newest } };
  const said = { size: 1, _source: false, docvalue_fields: [measure.last], sort: [{ [measure.by]: 'desc' }] };
  return { top_hits: said };
}

interface Bucket {
  key?: string | number;
  key_as_string?: string;
  doc_count: number;
  [name: string]: unknown;
}

export interface SearchReply {
  hits: { total: { value: number }; hits: { _id: string; fields?: Record<string, unknown[]> }[] };
  aggregations?: Record<string, unknown>;
}

/** What the panel shows: nothing where nothing fits. */
export function rowsOf(panel: Panel, reply: SearchReply): PanelRow[] {
  if (panel.as === 'search') {
    return reply.hits.hits.map(({ fields = {} }) => ({
      labels: [],
      values: panel.columns.map((name) => fields[name]?.[0] ?? null),
    }));
  }
  if (panel.as === 'now') return reply.aggregations === undefined ? [] : nowRows(panel, reply.aggregations);
  const all: Bucket = { doc_count: reply.hits.total.value, ...reply.aggregations };
  return reply.hits.total.value === 0 ? [] : countRows(panel, all, [], 0);
}

function countRows(panel: CountPanel, bucket: Bucket, labels: string[], depth: number): PanelRow[] {
  if (depth === panel.groups.length)
    return [{ labels, values: panel.measures.map((one, at) => measured(one, bucket, at)) }];
  const { buckets } = bucket[`group${depth}`] as { buckets: Bucket[] | Record<string, Bucket> };
  const entries: [string, Bucket][] = Array.isArray(buckets)
    ? buckets.map((one) => [one.key_as_string ?? String(one.key), one])
    : Object.entries(buckets);
  return entries
    .filter(([, one]) => one.doc_count > 0)
    .flatMap(([label, one]) => countRows(panel, one, [...labels, label], depth + 1));
}

interface Hits {
  hits: { hits: { fields?: Record<string, unknown[]> }[] };
}

function measured(measure: Measure, bucket: Bucket, at: number): unknown {
  const made = bucket[`measure${at}`];
  if ('count' in measure) return measure.where === undefined ? bucket.doc_count : (made as Bucket).doc_count;
  if ('last' in measure) return (made as Hits).hits.hits[0]?.fields?.[measure.last]?.[0] ?? null;
  const { value, value_as_string: text } = made as { value: number | null; value_as_string?: string };
  return text ?? value;
}

function nowRows(panel: NowPanel, { records }: Record<string, unknown>): PanelRow[] {
  const counts = new Map<string, number>();
  for (const { last } of (records as { buckets: { last: Hits }[] }).buckets) {
    const said = last.hits.hits[0]?.fields ?? {};
    const labels = labelsOf(panel, (field) => said[field]?.[0]);
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => ({ labels: [label], values: [count] }));
}

function labelsOf({ group, unless }: NowPanel, value: (field: string) => unknown): string[] {
  if (unless !== undefined && fits(unless, value)) return [];
  if ('field' in group) return [String(value(group.field) ?? NOTHING_SAID)];
  return group.cases.filter(({ where }) => fits(where, value)).map(({ label }) => label);
}
