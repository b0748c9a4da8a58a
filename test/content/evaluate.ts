/** What a panel has to show, computed from the documents one by one: nothing of its query is used but the definition. */
import { ofStreams } from '../../content/kibana/condition.ts';
import type {
  Condition,
  CountPanel,
  Grouping,
  Measure,
  NowPanel,
  Panel,
  Value,
} from '../../content/kibana/definitions/types.ts';
import { NOTHING_SAID, type PanelRow } from '../../content/kibana/query.ts';

export type Document = Readonly<Record<string, unknown>>;

/** All values of a field, of every item of lists on the way. */
export function valuesAt(document: unknown, path: string): Value[] {
  const [step = '', ...rest] = path.split('.');
  if (Array.isArray(document)) return document.flatMap((item) => valuesAt(item, path));
  if (typeof document !== 'object' || document === null) return [];
  const inner = (document as Document)[step];
  if (rest.length > 0) return valuesAt(inner, rest.join('.'));
  return (Array.isArray(inner) ? inner : [inner]).filter((value) => value !== undefined && value !== null) as Value[];
}

export function holds(condition: Condition, document: Document): boolean {
  if ('not' in condition) return !holds(condition.not, document);
  if ('all' in condition) return condition.all.every((part) => holds(part, document));
  if ('any' in condition) return condition.any.some((part) => holds(part, document));
  const values = valuesAt(document, condition.field);
  if ('exists' in condition) return values.length > 0;
  if ('is' in condition) return [condition.is].flat().some((wanted) => values.includes(wanted as Value));
  const { from = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY } = condition;
  return values.some((value) => typeof value === 'number' && value >= from && value < below);
}

export function documentsOf(panel: Panel, documents: readonly Document[]): Document[] {
  const condition = ofStreams(panel.streams, panel.where);
  const isHeartbeat = (document: Document) => valuesAt(document, 'data_stream.dataset')[0] === 'sluice.heartbeat';
  const wanted = panel.view === 'heartbeats';
  return documents.filter((document) => isHeartbeat(document) === wanted && holds(condition, document));
}

/** A row with several right values where documents tie. */
export interface RightRow {
  labels: string[];
  values: unknown[][];
}

export function rightRows(panel: CountPanel | NowPanel, documents: readonly Document[]): RightRow[] {
  const ours = documentsOf(panel, documents);
  if (panel.as === 'now') return rightNow(panel, ours);
  return ours.length === 0 ? [] : grouped(panel, panel.groups, ours, []);
}

function grouped(panel: CountPanel, groups: readonly Grouping[], documents: Document[], labels: string[]): RightRow[] {
  const [group, ...others] = groups;
  if (group === undefined) return [{ labels, values: panel.measures.map((one) => right(one, documents)) }];
  const parts = new Map<string, Document[]>();
  for (const document of documents)
    for (const label of new Set(labelsOf(group, document))) parts.set(label, [...(parts.get(label) ?? []), document]);
  return [...parts].flatMap(([label, inIt]) => grouped(panel, others, inIt, [...labels, label]));
}

function labelsOf(group: Grouping, document: Document): string[] {
  if ('cases' in group) return group.cases.filter(({ where }) => holds(where, document)).map(({ label }) => label);
  if ('field' in group) {
    const values = valuesAt(document, group.field).map(String);
    return values.length === 0 && group.missing ? [NOTHING_SAID] : values;
  }
  return valuesAt(document, group.time).map((time) => `${iso(time).slice(0, 10)}T00:00:00.000Z`);
}

function right(measure: Measure, documents: Document[]): unknown[] {
  const all = (field: string) => documents.flatMap((document) => valuesAt(document, field));
  if ('count' in measure) {
    const { where } = measure;
    return [where === undefined ? documents.length : documents.filter((one) => holds(where, one)).length];
  }
  if ('distinct' in measure) return [new Set(all(measure.distinct)).size];
  if ('sum' in measure) return [sum(all(measure.sum))];
  if ('average' in measure) {
    const values = all(measure.average);
    return [values.length === 0 ? null : sum(values) / values.length];
  }
  if ('newest' in measure) {
    const times = all(measure.newest).map(iso).sort();
    return [times.at(-1) ?? null];
  }
  const time = (document: Document) => valuesAt(document, measure.by).map(iso)[0] ?? '';
  const newest = documents.map(time).sort().at(-1);
  return documents
    .filter((one) => time(one) === newest)
    .flatMap((one) => {
      const said = valuesAt(one, measure.last);
      return said.length === 0 ? [null] : said.map((value) => (measure.kind === 'date' ? iso(value) : value));
    });
}

function rightNow({ thing, group, unless }: NowPanel, documents: Document[]): RightRow[] {
  const newest = new Map<Value, Document>();
  for (const document of documents) {
    const [id] = valuesAt(document, thing.id);
    if (id === undefined) continue;
    const before = newest.get(id);
    if (before === undefined || isNewer(document, before, thing)) newest.set(id, document);
  }
  const counts = new Map<string, number>();
  for (const document of newest.values()) {
    if (unless !== undefined && holds(unless, document)) continue;
    const labels =
      'field' in group
        ? [String(valuesAt(document, group.field)[0] ?? NOTHING_SAID)]
        : group.cases.filter(({ where }) => holds(where, document)).map(({ label }) => label);
    for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => ({ labels: [label], values: [[count]] }));
}

function isNewer(one: Document, other: Document, { newest, tie }: NowPanel['thing']): boolean {
  const place = (document: Document) => {
    const [value] = valuesAt(document, newest);
    return typeof value === 'number' ? value : Date.parse(String(value));
  };
  if (place(one) !== place(other) || tie === undefined) return place(one) > place(other);
  return String(valuesAt(one, tie)[0]) < String(valuesAt(other, tie)[0]);
}

function sum(values: readonly Value[]): number {
  return values.reduce<number>((total, value) => total + Number(value), 0);
}

/** As Elasticsearch shows times: to the millisecond. */
function iso(time: Value): string {
  return new Date(time as string).toISOString();
}

/** What is wrong with the rows that a query gave; where a grouping is cut to its most, only what is shown has to be right. */
export function wrongRows(
  panel: CountPanel | NowPanel,
  shown: readonly PanelRow[],
  right: readonly RightRow[],
): string[] {
  const found: string[] = [];
  const byLabels = new Map(right.map((row) => [row.labels.join(' / '), row]));
  for (const { labels, values } of shown) {
    const wanted = byLabels.get(labels.join(' / '));
    if (wanted === undefined) found.push(`${labels.join(' / ')} is shown, and is not there`);
    values.forEach((value, at) => {
      const allowed = wanted?.values[at] ?? [];
      if (!allowed.includes(value)) found.push(`${labels.join(' / ')}: ${value}, not ${allowed.join(' or ')}`);
    });
  }
  const isCut =
    panel.as !== 'now' && panel.groups.some((group) => 'most' in group && tooMany(group.most, panel, right));
  if (!isCut && shown.length !== right.length) found.push(`${shown.length} rows, not ${right.length}`);
  if (isCut && panel.groups.length === 1) found.push(...wrongTop(panel, shown, right));
  return found;
}

function tooMany(most: number, panel: CountPanel, rows: readonly RightRow[]): boolean {
  return panel.groups.some((_, at) => new Set(rows.map(({ labels }) => labels[at])).size > most);
}

/** Those with the most of the first measure are shown, in this order. */
function wrongTop(panel: CountPanel, shown: readonly PanelRow[], rows: readonly RightRow[]): string[] {
  const [group] = panel.groups as [Grouping];
  if (!('most' in group) || group.by === 'name') return [];
  const first = (value: unknown) => (typeof value === 'number' ? value : Date.parse(String(value)));
  const best = rows
    .map(({ values }) => first(values[0]?.[0]))
    .sort((one, other) => other - one)
    .slice(0, group.most);
  const ours = shown.map(({ values }) => first(values[0]));
  return JSON.stringify(ours) === JSON.stringify(best)
    ? []
    : [`the most are ${best.join(', ')}, and ${ours.join(', ')} are shown`];
}
