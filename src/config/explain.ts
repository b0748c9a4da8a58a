/** Turns what is wrong with a config into lines that say where, what, and what was probably meant. */
import { z } from 'zod';
import { type Origin, type Path, type Position, type Problem, pathText } from './yaml.ts';

type Issue = z.core.$ZodRawIssue;

/** A config as the file says it, and the schema that it is checked against. */
export interface ConfigText {
  value: unknown;
  origins: Map<string, Origin>;
  schema: z.ZodType;
}

/** An issue of zod's in our words: a predicate, which `explainIssues` puts behind the value. */
export function issueText(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `is too small; the least is ${issue.minimum}`
        : 'is too short';
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `is too large; the most is ${issue.maximum}`
        : 'is too long';
    default:
      return 'is not valid';
  }
}

const KINDS: Record<string, string> = {
  string: 'text (put it in quotes if it looks like a number)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys to values',
};

/** Problems for zod's issues on `value`. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], { value, origins, schema }: ConfigText): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    const path = issue.path as Path;
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, value, path);
      const present = Object.keys((valueAt(value, path) as object | undefined) ?? {});
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `is not a key here${didYouMean(
          key,
          known.filter((each) => !present.includes(each)),
          known,
        )}`,
        at: origins.get(pathText([...path, key]))?.key,
      }));
    }
    const found = valueAt(value, path);
    if (found === undefined) {
      const names = origins.get(pathText(path))?.variables ?? [];
      const hint = names.length > 0 ? `; ${names.map((name) => `\${${name}}`).join('')} is empty` : choices(issue);
      return [{ path, message: `is required${hint}`, at: origins.get(pathText(path))?.key }];
    }
    const shown = path.length === 0 ? 'the config' : show(found, path, { value, origins, schema });
    const options = optionsOf(issue);
    if (options && typeof found === 'string')
      return [{ path, message: `${shown} is not a ${noun(path)}${didYouMean(found, options, options)}` }];
    if (options) return [{ path, message: `${shown} must be one of ${options.join(', ')}` }];
    return [{ path, message: `${shown} ${issue.message}` }];
  });
}

function optionsOf(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return issue.options.map(String);
  return undefined;
}

function choices(issue: z.core.$ZodIssue): string {
  const options = optionsOf(issue);
  return options ? `; it is one of ${options.join(', ')}` : '';
}

/** `region` for `sources[0].region`, `stream` for `sources[0].streams[1]`. */
function noun(path: Path): string {
  const last = path.findLast((part) => typeof part === 'string') ?? 'value';
  return String(last)
    .replaceAll('_', ' ')
    .replace(/s$/, typeof path.at(-1) === 'number' ? '' : 's');
}

/** The value as it may be shown: shortened; never a secret, and never what came from the environment. */
export function show(found: unknown, path: Path, text: ConfigText): string {
  const variables = text.origins.get(pathText(path))?.variables ?? [];
  if (variables.length > 0) return `the value of ${variables.map((name) => `\${${name}}`).join(' and ')}`;
  if (isSecret(text, path)) return 'the value (not shown)';
  if (Array.isArray(found)) return 'the list';
  if (found !== null && typeof found === 'object') return 'the mapping';
  const shown = JSON.stringify(found) ?? String(found);
  return shown.length > 80 ? `${shown.slice(0, 76)}..."` : shown;
}

/** `; did you mean "euc1"?`, or the list where nothing is near. */
export function didYouMean(given: string, candidates: readonly string[], all: readonly string[]): string {
  const near = nearest(given, candidates);
  if (near !== undefined) return `; did you mean "${near}"?`;
  return all.length > 0 ? `; it is one of ${all.join(', ')}` : '';
}

/** The candidate that is nearest by edit distance, where one is near at all. The start of a word counts for more. */
export function nearest(given: string, candidates: readonly string[]): string | undefined {
  const word = given.toLowerCase().replaceAll('-', '_');
  let best: string | undefined;
  let least = Math.max(2, Math.ceil(word.length / 3)) + 0.1;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase().replaceAll('-', '_');
    const begins = word.length >= 2 && (other.startsWith(word) || word.startsWith(other));
    const score = begins ? 0.5 : distance(word, other);
    if (score < least) [best, least] = [candidate, score];
  }
  return best;
}

/** Levenshtein's distance, two neighbours swapped counting as one. Long texts are near to nothing. */
function distance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      next.push(cost);
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}

/** The value at a path of plain values. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const part of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

/** The schema at a path, unwrapped to where its keys are, and whether it is that of a secret. */
function schemaAt(whole: z.ZodType, root: unknown, path: Path): { inner: z.ZodType | undefined; secret: boolean } {
  let schema: z.ZodType | undefined = whole;
  let value = root;
  let secret = false;
  for (const part of [...path, undefined]) {
    secret = false;
    for (;;) {
      if (schema?.meta()?.writeOnly === true) secret = true;
      if (schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault) schema = schema.unwrap() as z.ZodType;
      else if (schema instanceof z.ZodDiscriminatedUnion) {
        const { discriminator, options } = schema.def;
        const wanted = valueAt(value, [discriminator]);
        schema = (options as z.ZodObject[]).find(
          (each) => (each.shape[discriminator] as z.ZodLiteral | undefined)?.value === wanted,
        );
      } else break;
    }
    if (part === undefined) break;
    if (schema instanceof z.ZodObject) schema = schema.shape[part] as z.ZodType | undefined;
    else if (schema instanceof z.ZodArray) schema = schema.element as z.ZodType;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType as z.ZodType;
    else return { inner: undefined, secret };
    value = valueAt(value, [part]);
  }
  return { inner: schema, secret };
}

/** The keys that are valid at a path. */
function keysAt(schema: z.ZodType, root: unknown, path: Path): string[] {
  const { inner } = schemaAt(schema, root, path);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Whether the schema calls the value at a path a secret. */
export function isSecret({ schema, value }: Pick<ConfigText, 'schema' | 'value'>, path: Path): boolean {
  return schemaAt(schema, value, path).secret;
}

/** Where a problem is: at its own place, else at the nearest parent that the file has. */
function positionOf(problem: Problem, origins: Map<string, Origin>): Position | undefined {
  if (problem.at) return problem.at;
  for (let length = problem.path.length; length >= 0; length--) {
    const origin = origins.get(pathText(problem.path.slice(0, length)));
    if (origin) return origin.value;
  }
  return undefined;
}

/** One line per problem, in the order of the file; one problem per place. */
export function problemLines(file: string, problems: readonly Problem[], origins: Map<string, Origin>): string[] {
  const seen = new Set<string>();
  return problems
    .map((problem) => ({ ...problem, at: positionOf(problem, origins) }))
    .filter(({ path, at }) => {
      const place = path.length > 0 ? pathText(path) : `${at?.line}:${at?.column}`;
      return seen.has(place) ? false : seen.add(place);
    })
    .sort((a, b) => (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0))
    .map(({ path, message, at }) => {
      const where = at ? `${file}:${at.line}:${at.column}` : file;
      return path.length > 0 ? `${where} ${pathText(path)}: ${message}` : `${where} ${message}`;
    });
}
