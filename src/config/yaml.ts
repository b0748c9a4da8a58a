/**
 * YAML text to plain values, with the position of each, and with `${NAME}` replaced from the environment in scalars
 * (after parsing, so that a value with quotes or newlines cannot break the YAML).
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
} from 'yaml';

/** Where something stands in the file; both count from 1. */
export interface Position {
  line: number;
  column: number;
}

export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  message: string;
  /** Where it is, when it is not at the value of `path`. */
  at?: Position;
}

/** What is known about a value of the file. */
export interface Origin {
  value: Position;
  key?: Position;
  /** The variables that the value came from: such a value is never shown. */
  variables: string[];
}

export interface Parsed {
  value: unknown;
  /** By `pathText`. */
  origins: Map<string, Origin>;
  problems: Problem[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `sources[0].http.timeout`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}

const MAX_NODES = 20_000;
const MAX_DEPTH = 32;

/** Parses one document. A file that is no YAML has problems and no value. */
export function parseYaml(text: string, env: Environment): Parsed {
  const counter = new LineCounter();
  const origins = new Map<string, Origin>();
  const problems: Problem[] = [];
  const at = (offset: number | undefined): Position => {
    const { line, col } = counter.linePos(offset ?? 0);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const documents = parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, logLevel: 'silent' });
  const document = (Array.isArray(documents) ? documents[0] : undefined) as Document.Parsed | undefined;
  if (!document) return { value: undefined, origins, problems };
  const faults = (documents as Document.Parsed[]).flatMap((each) => [...each.errors, ...each.warnings]);
  // After the first break in the grammar the parser complains about everything that follows.
  const first = faults.find(({ code }) => code !== 'DUPLICATE_KEY');
  for (const fault of faults.filter((each) => each === first || each.code === 'DUPLICATE_KEY')) {
    const position = at(fault.pos[0]);
    const message = syntaxMessage(fault.code, fault.message, text.split('\n')[position.line - 1] ?? '');
    problems.push({ path: [], message, at: position });
  }
  if (problems.length > 0) return { value: undefined, origins, problems };
  const second = (documents as Document.Parsed[])[1];
  if (second) {
    const message = 'there is a second document; the config is one';
    problems.push({ path: [], message, at: at(second.range?.[0]) });
  }

  let nodes = 0;
  const walk = (given: Node | null, path: Path, key: Position | undefined, depth: number): unknown => {
    const position = given?.range ? at(given.range[0]) : (key ?? { line: 1, column: 1 });
    const origin: Origin = { value: position, key, variables: [] };
    origins.set(pathText(path), origin);
    const node = isAlias(given) ? given.resolve(document) : given;
    nodes += 1;
    if (depth > MAX_DEPTH || nodes > MAX_NODES) {
      if (nodes <= MAX_NODES || nodes === MAX_NODES + 1)
        problems.push({
          path: path.slice(0, 4),
          message: 'holds too much (an alias that repeats itself?)',
          at: position,
        });
      nodes = MAX_NODES + 1;
      return undefined;
    }
    if (isScalar(node)) {
      if (typeof node.value !== 'string') return node.value;
      const result = substitute(node.value, env);
      origin.variables = result.variables;
      for (const message of result.problems) problems.push({ path, message });
      // An empty variable means "not set", so that an optional key can be left to the environment.
      return result.variables.length > 0 && result.text === '' ? null : result.text;
    }
    if (isSeq(node)) return node.items.map((item, index) => walk(item as Node, [...path, index], undefined, depth + 1));
    if (!isMap(node)) return null;
    const result: Record<string, unknown> = {};
    const merged: Record<string, unknown> = {};
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const keyAt = at(pair.key?.range?.[0]);
      if (!isScalar(pair.key) || String(pair.key.value) === '__proto__') {
        problems.push({ path, message: 'a key must be a plain word', at: keyAt });
        continue;
      }
      const name = String(pair.key.value);
      if (name === '<<') {
        const values = walk(pair.value, path, keyAt, depth + 1);
        origins.set(pathText(path), origin);
        for (const value of Array.isArray(values) ? values : [values])
          if (value && typeof value === 'object') Object.assign(merged, { ...value, ...merged });
        continue;
      }
      const value = walk(pair.value, [...path, name], keyAt, depth + 1);
      // `key:` with nothing behind it is the same as no key.
      if (value !== null) result[name] = value;
    }
    return { ...merged, ...result };
  };
  return { value: walk(document.contents, [], undefined, 0), origins, problems };
}

/** The parser's message without what it quotes of the file, which may be a secret. */
function syntaxMessage(code: string, message: string, line: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice';
  const plain = message.split(/: |, but found|\n/)[0] ?? message;
  const special = ['TAG_RESOLVE_FAILED', 'BAD_SCALAR_START', 'BAD_ALIAS', 'BAD_DQ_ESCAPE', 'MULTIPLE_TAGS'].includes(
    code,
  );
  const opens = line.search(/[[{,]/);
  const inFlow = opens >= 0 && line.includes('${', opens + 1);
  const words: [RegExp, string][] = [
    [/^Unexpected/, 'something stands here that cannot stand here'],
    [/^Invalid escape/, 'in double quotes a backslash begins an escape; this is none'],
    [/^Nested mappings/, 'a second key stands on the line; a value with ": " belongs in quotes'],
  ];
  const found = words.find(([pattern]) => pattern.test(plain))?.[1] ?? plain;
  const hint = inFlow
    ? `; between { } or [ ] a reference belongs in quotes: "\${NAME}"`
    : special
      ? '; a value with special characters belongs in quotes'
      : '';
  return `this is not valid YAML: ${found}${hint}`;
}

/** Replaces `${NAME}` and `${NAME:-default}`; `$${` stands for `${`. */
export function substitute(text: string, env: Environment): { text: string; variables: string[]; problems: string[] } {
  const variables: string[] = [];
  const problems: string[] = [];
  const replaced = text.replace(
    /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$\{/g,
    (match, name: string | undefined, hasDefault: string | undefined, fallback: string | undefined) => {
      if (match === '$${') return '${';
      if (name === undefined) {
        problems.push(
          `has a "\${" that is no reference; write \${NAME}, \${NAME:-default}, or $\${ for the characters themselves`,
        );
        return match;
      }
      variables.push(name);
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (hasDefault !== undefined) return value || (fallback ?? '');
      if (value === undefined)
        problems.push(`the environment variable ${name} is not set; set it, or write a default: \${${name}:-...}`);
      return value ?? '';
    },
  );
  return { text: replaced, variables, problems };
}
