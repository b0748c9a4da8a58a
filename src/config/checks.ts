/** Problems that no single key shows: duplicates, names that must exist, keys that exclude each other, secrets in the file. */
import { resolve } from 'node:path';
import type { Connector } from '../api/connector.ts';
import type { StreamName } from '../api/document.ts';
import { isReadableOnTheWay, READABLE, urlPassword } from '../api/values.ts';
import { sinkTypeOf } from '../sinks/registry.ts';
import type { Given } from '../sinks/sink-type.ts';
import { type ConfigText, didYouMean, isSecret, show, valueAt } from './explain.ts';
import { type Origin, type Path, type Problem, pathText } from './yaml.ts';

/** A stream that exists; `connectors/index.ts` has them. */
export interface KnownStream {
  name: StreamName;
  connector: Pick<Connector, 'name' | 'config'>;
}

/** Works on what the file says, so that these problems are reported together with all others. */
export function crossProblems(text: ConfigText, known: readonly KnownStream[]): Problem[] {
  const { value: root } = text;
  const sinkNames = list(root, ['sinks'])
    .map((path) => valueAt(root, [...path, 'name']))
    .filter(isText);
  return [
    ...sharedNames(text, 'sources'),
    ...sharedNames(text, 'sinks'),
    ...sharedFolders(text),
    ...list(root, ['sources']).flatMap((path) => sourceProblems(text, path, known, sinkNames)),
    ...ofSinks(root, 'problems'),
    ...(valueAt(root, ['coordination']) === undefined ? [] : notShared(root)),
  ];
}

function sourceProblems(
  text: ConfigText,
  source: Path,
  known: readonly KnownStream[],
  sinkNames: readonly string[],
): Problem[] {
  const { value: root } = text;
  const problems: Problem[] = [];
  const connector = valueAt(root, [...source, 'connector']);
  const streams = known.filter((each) => each.connector.name === connector).map((each) => each.name);
  const check = (key: string, names: readonly string[], what: string) => {
    const seen = new Set<unknown>();
    for (const path of list(root, [...source, key])) {
      const name = valueAt(root, path);
      if (!isText(name) || name === '') continue;
      const shown = show(name, path, text);
      if (seen.has(name)) problems.push({ path, message: `${shown} is there twice` });
      else if (!names.includes(name))
        problems.push({ path, message: `${shown} is not ${what}${didYouMean(name, names, names)}` });
      seen.add(name);
    }
  };
  if (known.some((each) => each.connector.name === connector)) check('streams', streams, `a stream of ${connector}`);
  check('sinks', sinkNames, 'a sink of this file');
  for (const key of ['parents', 'mapping', 'expect_within']) {
    const named = valueAt(root, [...source, key]);
    for (const name of typeof named === 'object' && named !== null ? Object.keys(named) : []) {
      if (streams.length === 0 || (streams as string[]).includes(name)) continue;
      const message = `is not a stream of ${connector}${didYouMean(name, streams, streams)}`;
      problems.push({ path: [...source, key, name], message });
    }
  }
  return problems;
}

/** The most documents of a batch whose rows are still one record of the state's topic. */
const MOST_IN_BATCH = 20_000;

/** What only one machine has, while sources move between several. */
function notShared(root: unknown): Problem[] {
  const problems: Problem[] = [];
  for (const sink of list(root, ['sinks'])) {
    const folder = sinkTypeOf(valueAt(root, [...sink, 'type']))?.folder;
    if (folder === undefined) continue;
    const message =
      'writes files of one machine, which the next instance cannot take over: with `coordination`, deliver to Kafka or Elasticsearch';
    problems.push({ path: [...sink, 'type'], message });
  }
  const keep = valueAt(root, ['raw', 'keep']);
  if (`${keep}` === 'true')
    problems.push({ path: ['raw', 'keep'], message: 'keeps records on one machine: leave it out with `coordination`' });
  const documents = Number(valueAt(root, ['batch', 'documents']));
  if (documents > MOST_IN_BATCH)
    problems.push({ path: ['batch', 'documents'], message: `must be at most ${MOST_IN_BATCH} with \`coordination\`` });
  return problems;
}

/** What each sink says of its own keys. */
function ofSinks(root: unknown, what: 'problems' | 'warnings'): Problem[] {
  return list(root, ['sinks']).flatMap((sink) => {
    const given = valueAt(root, sink) as Given;
    const found = sinkTypeOf(valueAt(root, [...sink, 'type']))?.[what]?.(given) ?? [];
    return found.map(({ path, message }) => ({ path: [...sink, ...path], message }));
  });
}

function sharedNames(text: ConfigText, key: 'sources' | 'sinks'): Problem[] {
  const { value: root, origins } = text;
  const entries = list(root, [key]).map((entry) => ({ entry, value: valueAt(root, [...entry, 'name']) }));
  return duplicates(entries, origins).map(({ entry, value, earlier }) => {
    const path = [...entry, 'name'];
    return { path, message: `${show(value, path, text)} is already the name of ${earlier}` };
  });
}

/** Two sinks in one folder would write the same files. */
function sharedFolders({ value: root, origins }: ConfigText): Problem[] {
  const entries = list(root, ['sinks']).map((entry) => {
    const path = sinkTypeOf(valueAt(root, [...entry, 'type']))?.folder?.(valueAt(root, entry) as Given);
    return { entry, value: isText(path) ? resolve(path) : undefined };
  });
  return duplicates(entries, origins).map(({ entry, earlier }) => ({
    path: [...entry, 'path'],
    message: `is the folder of ${earlier} too; give every ${valueAt(root, [...entry, 'type'])} sink its own`,
  }));
}

/** The entries whose value an earlier one has, each with where that is. Values that are no text are the schema's business. */
function duplicates(
  entries: { entry: Path; value: unknown }[],
  origins: Map<string, Origin>,
): { entry: Path; value: string; earlier: string }[] {
  const first = new Map<string, Path>();
  return entries.flatMap(({ entry, value }) => {
    if (!isText(value)) return [];
    const earlier = first.get(value);
    if (earlier === undefined) {
      first.set(value, entry);
      return [];
    }
    const line = origins.get(pathText([...earlier, 'name']))?.value.line;
    return [{ entry, value, earlier: `${pathText(earlier)}${line === undefined ? '' : ` (line ${line})`}` }];
  });
}

/** Settings that work, but should not stay as they are. */
export function warningsOf(text: ConfigText): Problem[] {
  const { value: root, origins } = text;
  const warnings: Problem[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (value !== null && typeof value === 'object') {
      for (const [key, each] of Object.entries(value)) visit(each, [...path, Array.isArray(value) ? Number(key) : key]);
      return;
    }
    if (path.at(-1) === 'insecure' && (value === true || value === 'true'))
      warnings.push({ path, message: 'certificates are not checked; `ca_file` is the safe way' });
    if (!isText(value) || !isSecret(text, path) || value.startsWith('file:')) return;
    if ((origins.get(pathText(path))?.variables.length ?? 0) > 0) return;
    if (path.at(-1) === 'proxy' && urlPassword(value) === undefined) return;
    warnings.push({ path, message: `a secret stands in the file itself; write \${NAME} or file:/path instead` });
  };
  visit(root, []);
  warnings.push(...list(root, ['sources']).flatMap((path) => openSource(root, path)));
  warnings.push(...ofSinks(root, 'warnings'));
  for (const path of list(root, ['sources'])) {
    const sweeps = list(root, [...path, 'reading', 'sweeps']);
    if (valueAt(root, [...path, 'reading', 'sweeps']) !== undefined && sweeps.length === 0)
      warnings.push({
        path: [...path, 'reading', 'sweeps'],
        message: 'without sweeps, late and changed records are not found',
      });
  }
  return [...Map.groupBy(warnings, ({ path }) => pathText(path)).values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : { ...first, message: [first, ...others].map(({ message }) => message).join('; ') },
  );
}

/** Every source has credentials, and a proxy may have some of its own. */
function openSource(root: unknown, source: Path): Problem[] {
  const baseUrl = [...source, 'base_url'];
  const proxy = [...source, 'http', 'proxy'];
  const url = valueAt(root, proxy);
  const isTold = isText(url) && urlPassword(url) !== undefined && isReadableOnTheWay(url);
  return [
    ...(isReadableOnTheWay(valueAt(root, baseUrl)) ? [{ path: baseUrl, message: READABLE }] : []),
    ...(isTold ? [{ path: proxy, message: READABLE }] : []),
  ];
}

function list(root: unknown, path: Path): Path[] {
  const value = valueAt(root, path);
  return Array.isArray(value) ? value.map((_, index) => [...path, index]) : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
