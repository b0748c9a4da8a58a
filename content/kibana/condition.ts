/** A condition in the two languages: KQL, which Kibana reads, and the query DSL, which Elasticsearch executes. */
import type { Condition, Value } from './definitions/types.ts';

export type Query = Readonly<Record<string, unknown>>;

/** Both, for a stream or several. */
export function ofStreams(streams: readonly string[], where?: Condition): Condition {
  const parts: Condition[] = streams.length === 0 ? [] : [{ field: 'data_stream.dataset', is: streams }];
  if (where !== undefined) parts.push(where);
  return parts.length === 1 ? (parts[0] as Condition) : { all: parts };
}

export function toKql(condition: Condition): string {
  if ('not' in condition) return `not (${toKql(condition.not)})`;
  if ('all' in condition) return joined(condition.all, 'and');
  if ('any' in condition) return joined(condition.any, 'or');
  const { field } = condition;
  if ('exists' in condition) return `${field}: *`;
  if ('is' in condition) {
    const values = valuesOf(condition.is).map(literal);
    return values.length === 1 ? `${field}: ${values[0]}` : `${field}: (${values.join(' or ')})`;
  }
  const { from, below } = condition;
  const bounds = [from === undefined ? '' : `${field} >= ${from}`, below === undefined ? '' : `${field} < ${below}`];
  return bounds.filter((bound) => bound !== '').join(' and ');
}

function joined(parts: readonly Condition[], word: 'and' | 'or'): string {
  return parts.map((part) => (isJoined(part) ? `(${toKql(part)})` : toKql(part))).join(` ${word} `);
}

function isJoined(part: Condition): boolean {
  if ('all' in part) return part.all.length > 1;
  if ('any' in part) return part.any.length > 1;
  return !('not' in part || 'is' in part || 'exists' in part) && part.from !== undefined && part.below !== undefined;
}

function literal(value: Value): string {
  return typeof value === 'string' ? `"${value.replace(/[\\"]/g, '\\$&')}"` : String(value);
}

export function toQuery(condition: Condition): Query {
  if ('not' in condition) return { bool: { must_not: [toQuery(condition.not)] } };
  if ('all' in condition) return { bool: { filter: condition.all.map(toQuery) } };
  if ('any' in condition) return { bool: { should: condition.any.map(toQuery), minimum_should_match: 1 } };
  const { field } = condition;
  if ('exists' in condition) return { exists: { field } };
  if ('is' in condition) {
    const values = valuesOf(condition.is);
    return values.length === 1 ? { term: { [field]: values[0] } } : { terms: { [field]: values } };
  }
  const { from, below } = condition;
  return {
    range: { [field]: { ...(from === undefined ? {} : { gte: from }), ...(below === undefined ? {} : { lt: below }) } },
  };
}

/** What a document that says `said(field)` is; for the newest documents, which are judged after the search. */
export function fits(condition: Condition, said: (field: string) => unknown): boolean {
  if ('not' in condition) return !fits(condition.not, said);
  if ('all' in condition) return condition.all.every((part) => fits(part, said));
  if ('any' in condition) return condition.any.some((part) => fits(part, said));
  const value = said(condition.field);
  if ('exists' in condition) return value !== undefined;
  if ('is' in condition) return valuesOf(condition.is).includes(value as Value);
  const { from, below } = condition;
  return typeof value === 'number' && (from === undefined || value >= from) && (below === undefined || value < below);
}

/** Names with dots would lead into objects: Vega has `datum.event_kind`. */
export function vegaName(field: string): string {
  return field.replace(/\W/g, '_');
}

/** The same as an expression of Vega, over the values by their `vegaName`. */
export function toVega(condition: Condition): string {
  if ('not' in condition) return `!(${toVega(condition.not)})`;
  if ('all' in condition) return condition.all.map((part) => `(${toVega(part)})`).join(' && ');
  if ('any' in condition) return condition.any.map((part) => `(${toVega(part)})`).join(' || ');
  const value = `datum.${vegaName(condition.field)}`;
  if ('exists' in condition) return `isValid(${value})`;
  if ('is' in condition) return `indexof(${JSON.stringify(valuesOf(condition.is))}, ${value}) >= 0`;
  const { from, below } = condition;
  const bounds = [from === undefined ? '' : `${value} >= ${from}`, below === undefined ? '' : `${value} < ${below}`];
  return ['isNumber('.concat(value, ')'), ...bounds.filter((bound) => bound !== '')].join(' && ');
}

export function fieldsOf(condition: Condition): string[] {
  if ('not' in condition) return fieldsOf(condition.not);
  if ('all' in condition) return condition.all.flatMap(fieldsOf);
  if ('any' in condition) return condition.any.flatMap(fieldsOf);
  return [condition.field];
}

function valuesOf(is: Value | readonly Value[]): readonly Value[] {
  return Array.isArray(is) ? (is as readonly Value[]) : [is as Value];
}
