/** Rules of the config that change documents: `when`, `rename`, `add`, `drop`. Compiled once, run for every document. */
import { type FieldPath, pathOf, putAt, removeAt, valueAt, valuesAt } from './fields.ts';

export type Scalar = string | number | boolean;

/** What a field has to be: one of the values; or what the members say, all of them. */
export type Condition =
  | Scalar
  | readonly Scalar[]
  | {
      not?: Scalar | readonly Scalar[];
      exists?: boolean;
      above?: number;
      below?: number;
      /** A text with `*` for any characters; case does not count. */
      like?: string | readonly string[];
    };

export interface Rule {
  when?: Readonly<Record<string, Condition>>;
  /** From the name that a field has to the one that it gets. */
  rename?: Readonly<Record<string, string>>;
  add?: Readonly<Record<string, Scalar | readonly Scalar[]>>;
  /** Fields; or, with `true`, the whole document. */
  drop?: true | readonly string[];
}

type Document = Record<string, unknown>;
type Test = (document: Document) => boolean;
/** Changes the document; says what could not be done, or that the document is dropped. */
export type Step = (document: Document) => 'done' | 'skipped' | 'dropped';

export function compileRule(rule: Rule): Step {
  const tests = Object.entries(rule.when ?? {}).map(([field, condition]) => testOf(pathOf(field), condition));
  const renamed = Object.entries(rule.rename ?? {}).map(([from, to]) => [pathOf(from), pathOf(to)] as const);
  const added = Object.entries(rule.add ?? {}).map(([field, value]) => [pathOf(field), value] as const);
  const dropped = rule.drop === true ? [] : (rule.drop ?? []).map(pathOf);
  return (document) => {
    if (!tests.every((test) => test(document))) return 'done';
    if (rule.drop === true) return 'dropped';
    let isWhole = true;
    for (const [from, to] of renamed) isWhole = rename(document, from, to) && isWhole;
    for (const [field, value] of added) isWhole = add(document, field, value) && isWhole;
    for (const field of dropped) removeAt(document, field);
    return isWhole ? 'done' : 'skipped';
  };
}

function rename(document: Document, from: FieldPath, to: FieldPath): boolean {
  const value = valueAt(document, from);
  if (value === undefined) return valuesAt(document, from).length === 0; // within a list it cannot be moved
  removeAt(document, from);
  if (putAt(document, to, value)) return true;
  putAt(document, from, value);
  return false;
}

/** A list is added to what is there; any other value takes its place. */
function add(document: Document, field: FieldPath, value: Scalar | readonly Scalar[]): boolean {
  if (!Array.isArray(value)) return putAt(document, field, value);
  const before = valueAt(document, field);
  const all = before === undefined || before === null ? [] : Array.isArray(before) ? before : [before];
  return putAt(document, field, [...all, ...value.filter((one) => !all.includes(one))]);
}

function testOf(field: FieldPath, condition: Condition): Test {
  if (typeof condition !== 'object') return isOneOf(field, [condition]);
  if (Array.isArray(condition)) return isOneOf(field, condition);
  const { not, exists, above, below, like } = condition as Exclude<Condition, Scalar | readonly Scalar[]>;
  const tests: Test[] = [];
  const has = (holds: (value: unknown) => boolean) =>
    tests.push((document) => valuesAt(document, field).some((value) => holds(value)));
  if (not !== undefined) {
    const isOne = isOneOf(field, Array.isArray(not) ? not : [not as Scalar]);
    tests.push((document) => !isOne(document));
  }
  if (exists !== undefined) tests.push((document) => valuesAt(document, field).length > 0 === exists);
  if (above !== undefined) has((value) => typeof value === 'number' && value > above);
  if (below !== undefined) has((value) => typeof value === 'number' && value < below);
  if (like !== undefined) {
    const patterns = (Array.isArray(like) ? like : [like as string]).map(patternOf);
    has((value) => typeof value === 'string' && patterns.some((fits) => fits(value.toLowerCase())));
  }
  return (document) => tests.every((test) => test(document));
}

function isOneOf(field: FieldPath, wanted: readonly Scalar[]): Test {
  return (document) => valuesAt(document, field).some((value) => wanted.includes(value as Scalar));
}

/** Part by part from the left, each at its first place: in time that grows with the text alone, whatever the pattern. */
function patternOf(pattern: string): (text: string) => boolean {
  const parts = pattern.toLowerCase().split('*');
  const [first = '', ...others] = parts;
  const last = others.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (!text.startsWith(first)) return false;
    let at = first.length;
    for (const part of others) {
      const found = text.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return text.length - last.length >= at && text.endsWith(last);
  };
}
