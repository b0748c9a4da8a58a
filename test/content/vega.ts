/** The three transforms of Vega-Lite that the pack uses, executed: what Kibana's panel makes of a reply. */

type Datum = Record<string, unknown>;

const FUNCTIONS = {
  isValid: (value: unknown) => value !== undefined && value !== null && !Number.isNaN(value),
  isNumber: (value: unknown) => typeof value === 'number',
  indexof: (list: unknown[], value: unknown) => list.indexOf(value),
  toString: (value: unknown) => (value === undefined || value === null ? null : String(value)),
};

/** Vega's expressions are a part of JavaScript's. */
export function evaluate(expression: string, datum: Datum): unknown {
  const names = Object.keys(FUNCTIONS);
  return new Function('datum', ...names, `return ${expression};`)(datum, ...Object.values(FUNCTIONS));
}

export function transformed(rows: readonly Datum[], steps: readonly Datum[]): Datum[] {
  return steps.reduce<Datum[]>(apply, [...rows]);
}

function apply(rows: Datum[], step: Datum): Datum[] {
  if (typeof step.calculate === 'string') {
    const name = String(step.as);
    return rows.map((datum) => ({ ...datum, [name]: evaluate(step.calculate as string, datum) }));
  }
  if (typeof step.filter === 'string') return rows.filter((datum) => evaluate(step.filter as string, datum) === true);
  const [by] = step.groupby as [string];
  const groups = Map.groupBy(rows, (datum) => datum[by]);
  return [...groups].map(([value, inIt]) => ({ [by]: value, records: inIt.length }));
}
