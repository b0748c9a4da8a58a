/**
 * The configuration: one YAML file, checked against one schema (`schema.ts`). Everything that is wrong with it is
 * reported at once, with line, path and the nearest valid key; no message ever holds a secret.
 */
import { readFileSync } from 'node:fs';
import type { Connector } from '../api/connector.ts';
import { messageOf, usageError } from '../api/errors.ts';
import { urlPassword } from '../api/values.ts';
import type { Config, Secret } from '../engine/settings.ts';
import { sinkTypeOf } from '../sinks/registry.ts';
import { groupNumber } from '../system/accounts.ts';
import { crossProblems, type KnownStream, warningsOf } from './checks.ts';
import { explainIssues, issueText, problemLines, valueAt } from './explain.ts';
import { resolvePath, toConfig } from './result.ts';
import { configSchemaOf, type RawConfig } from './schema.ts';
import { type Parsed, type Problem, parseYaml } from './yaml.ts';

export type { KnownStream } from './checks.ts';
export { configHelp, configJsonSchema, configMarkdown, exampleConfig } from './docs.ts';

export interface LoadOptions {
  /** The environment that `${NAME}` refers to. */
  env: Readonly<Record<string, string | undefined>>;
  /** Every stream that exists. */
  knownStreams: readonly KnownStream[];
  /** Text of a file (UTF-8); throws like `readFileSync`, which is the default. */
  readFile?: (path: string) => string;
  /** Called with every secret that is read, also with a rotated one: the redactor's `protect`. */
  onSecret?: (secret: string) => void;
}

interface Loaded {
  config: Config;
  /** Settings that work, but should not stay as they are; one line each. */
  warnings: string[];
}

const WHERE_FROM =
  'Copy the example of docs/config.md, name the file with --config or SLUICE_CONFIG, or see `sluice demo`, which needs none.';

/** Reads and checks the file. Throws a usage error that lists every problem. */
export function loadConfig(path: string, options: LoadOptions): Loaded {
  const readFile = options.readFile ?? readText;
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    const missing = codeOf(error) === 'ENOENT';
    const what = missing ? 'there is no such config file' : `the config file cannot be read (${reason(error)})`;
    throw usageError(`${path}: ${what}`, missing ? WHERE_FROM : undefined);
  }
  return parseConfigText(text, path, options);
}

/** Checks the text of a config file; `file` is its path, for messages and relative paths. */
export function parseConfigText(text: string, file: string, options: LoadOptions): Loaded {
  const parsed = parseYaml(text, options.env);
  if (parsed.problems.length === 0 && (parsed.value === null || parsed.value === undefined))
    throw usageError(`${file}: the config file is empty`, WHERE_FROM);
  if (parsed.value === undefined) throw broken(file, parsed.problems, parsed);
  return finish(parsed, file, options, true);
}

/** The same for a plain object in the file's spelling, for the demo and for tests: no `${NAME}`, no line numbers. */
export function parseConfigObject(value: unknown, options: Omit<LoadOptions, 'env'> & { file?: string }): Loaded {
  const parsed: Parsed = { value, origins: new Map(), problems: [] };
  return finish(parsed, options.file ?? 'config', { ...options, env: {} }, false);
}

function finish(parsed: Parsed, file: string, options: LoadOptions, warnOfLiterals: boolean): Loaded {
  const { value, origins } = parsed;
  const problems = [...parsed.problems];
  const connectors = new Map(options.knownStreams.map(({ connector }) => [connector.name, connector]));
  const schema = configSchemaOf([...connectors.values()]);
  const text = { value, origins, schema };
  const result = schema.safeParse(value, { error: issueText });
  if (!result.success) problems.push(...explainIssues(result.error.issues, text));
  problems.push(...crossProblems(text, options.knownStreams));
  if (problems.length > 0 || !result.success) throw broken(file, problems, parsed);
  const secret = secretReader(file, options);
  problems.push(...fileProblems(result.data, file, options, secret));
  if (problems.length > 0) throw broken(file, problems, parsed);
  const config = toConfig(result.data, {
    file,
    secret,
    connectorOf: (name) => (connectors.get(name) as Pick<Connector, 'config'>).config,
    streamsOf: (connector) =>
      options.knownStreams.filter((each) => each.connector.name === connector).map((each) => each.name),
  });
  return { config, warnings: warnOfLiterals ? problemLines(file, warningsOf(text), origins) : [] };
}

function broken(file: string, problems: readonly Problem[], parsed: Parsed): Error {
  const lines = problemLines(file, problems, parsed.origins);
  if (lines.length === 1) return usageError(lines[0] as string);
  const all = [`${file} has ${lines.length} problems:`, ...lines.map((line) => `  ${line}`)];
  return usageError(all.join('\n'), undefined, all);
}

/** Turns the text of a secret key into a function that reads it. */
function secretReader(file: string, { readFile = readText, onSecret }: LoadOptions): (reference: string) => Secret {
  return (reference) => () => {
    const isFile = reference.startsWith('file:');
    const path = resolvePath(file, reference.slice('file:'.length));
    let text = reference;
    if (isFile) {
      try {
        text = readFile(path);
      } catch (error) {
        throw usageError(`the file ${path} of a secret cannot be read (${reason(error)})`);
      }
    }
    const value = text.replace(/[\r\n]+$/, ''); // editors and `echo` end a file, or a variable, with a new line
    if (value === '') throw usageError(isFile ? `the file ${path} of a secret is empty` : 'the secret is empty');
    onSecret?.(value);
    return value;
  };
}

/** Reads every secret and every certificate once, so that a wrong path is found at the start. */
function fileProblems(raw: RawConfig, file: string, options: LoadOptions, secret: (text: string) => Secret): Problem[] {
  const problems: Problem[] = [];
  const attempt = (path: Problem['path'], action: () => unknown) => {
    try {
      action();
    } catch (error) {
      problems.push({ path, message: messageOf(error) });
    }
  };
  const trySecret = (path: Problem['path'], text: string | undefined) => {
    if (text !== undefined) attempt(path, secret(text));
  };
  const tryFile = (path: Problem['path'], name: string | undefined) => {
    if (name === undefined) return;
    const whole = resolvePath(file, name);
    attempt(path, () => {
      try {
        (options.readFile ?? readText)(whole);
      } catch (error) {
        throw usageError(`the file ${whole} cannot be read (${reason(error)})`);
      }
    });
  };
  const tryGroup = (path: Problem['path'], name: string | undefined) => {
    if (name === undefined || groupNumber(name) !== undefined) return;
    const message = `${JSON.stringify(name)} is no group of this machine; write its number where its name comes from elsewhere`;
    problems.push({ path, message });
  };
  tryGroup(['state', 'group'], raw.state.group);
  trySecret(['health', 'token'], raw.health.token);
  raw.sources.forEach((source, index) => {
    const key = options.knownStreams.find(({ connector }) => connector.name === source.connector)?.connector.config
      .secret;
    if (key !== undefined) trySecret(['sources', index, key], valueAt(source, [key]) as string | undefined);
    tryFile(['sources', index, 'http', 'ca_file'], source.http.ca_file);
    const password = urlPassword(source.http.proxy);
    if (password !== undefined) options.onSecret?.(decodeURIComponent(password));
  });
  trySecret(['coordination', 'sasl', 'password'], raw.coordination?.sasl?.password);
  tryFile(['coordination', 'ca_file'], raw.coordination?.ca_file);
  raw.sinks.forEach((sink, index) => {
    const at = (keys: readonly string[]) => valueAt(sink, keys) as string | undefined;
    const { groups = [], secrets = [], files = [] } = sinkTypeOf(sink.type) ?? {};
    for (const key of groups) tryGroup(['sinks', index, key], at([key]));
    for (const keys of secrets) trySecret(['sinks', index, ...keys], at(keys));
    for (const key of files) tryFile(['sinks', index, key], at([key]));
  });
  return problems;
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** What a file error says, without the path that the message repeats. */
function reason(error: unknown): string {
  const words: Record<string, string> = {
    ENOENT: 'no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
  };
  const code = codeOf(error);
  return (code && words[code]) ?? code ?? 'unknown reason';
}
