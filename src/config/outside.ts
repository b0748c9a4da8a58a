/**
 * Connectors that live outside: files and packages that the config names under `connectors`. Each exports by default what
 * a line of `connectors/index.ts` has: a connector, and its streams with their mappings.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { dirname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { messageOf, usageError } from '../api/errors.ts';
import type { Registered, Vendor } from '../api/stream.ts';
import type { OwnFunction } from '../engine/own/mapping.ts';
import { parseYaml } from './yaml.ts';

/** The streams of these connectors. A config file that is missing is reported by `loadConfig`. */
export async function outsideStreams(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  built: readonly Registered[],
): Promise<Registered[]> {
  const names = namedIn(file, env);
  if (names.length > 0) resolveSluice();
  const streams: Registered[] = [];
  for (const name of names) streams.push(...(await load(name, file, [...built, ...streams])));
  return streams;
}

/** The names in the file. A value that is no list of texts is reported with everything else that is wrong with it. */
function namedIn(file: string, env: Readonly<Record<string, string | undefined>>): string[] {
  try {
    const { value } = parseYaml(readFileSync(file, 'utf8'), env);
    const names = (value as { connectors?: unknown } | null | undefined)?.connectors;
    return Array.isArray(names) ? [...new Set(names.filter((name) => typeof name === 'string' && name !== ''))] : [];
  } catch {
    return [];
  }
}

async function load(name: string, file: string, known: readonly Registered[]): Promise<Registered[]> {
  const isFile = /^\.{1,2}\//.test(name) || isAbsolute(name);
  const folder = resolve(dirname(file));
  const url = isFile ? pathToFileURL(resolve(folder, name)).href : `${FROM}${JSON.stringify([name, folder])}`;
  const advice = isFile
    ? 'Write the path as seen from the folder of the config file.'
    : 'Install the package in the folder of the config file, or above it.';
  const { connector, streams } = await vendorAt(url, `${file} connectors: ${name}`, advice, known);
  return streams.map((one) => ({ connector, ...one }));
}

/** The vendor that a module exports by default. Throws where it does not fit. */
export async function loadVendor(path: string): Promise<Vendor> {
  resolveSluice();
  return vendorAt(pathToFileURL(resolve(path)).href, path, 'Give the path of a module.', []);
}

async function vendorAt(url: string, where: string, advice: string, known: readonly Registered[]): Promise<Vendor> {
  const module = (await import(url).catch((error: unknown) => {
    throw usageError(`${where} cannot be loaded: ${messageOf(error)}`, advice);
  })) as { default?: unknown };
  const missing = missingIn(module.default, known);
  if (missing.length === 0) return module.default as Vendor;
  const lines = [`${where} does not fit:`, ...missing.map((line) => `  ${line}`)];
  throw usageError(lines.join('\n'), 'docs/adding-a-vendor.md says what a connector brings.', lines);
}

/** The functions of the modules that `mapping` names, by their path. */
export async function ownMappings(paths: Iterable<string>): Promise<Map<string, OwnFunction>> {
  const modules = new Map<string, OwnFunction>();
  for (const path of new Set(paths)) {
    resolveSluice();
    modules.set(path, await ownMapping(resolve(path), path));
  }
  return modules;
}

async function ownMapping(file: string, path: string): Promise<OwnFunction> {
  const where = `the mapping ${path}`;
  const advice = 'docs/mapping.md says what such a module has; paths start at the folder of the config file.';
  const url = pathToFileURL(file);
  const module = (await importAt(url, file).catch((error: unknown) => {
    throw usageError(`${where} cannot be loaded: ${messageOf(error)}`, advice);
  })) as { default?: unknown };
  const own = module.default;
  if (typeof own !== 'function')
    throw usageError(`${where} has no function as its default export; it has ${kindOf(own) ?? 'none'}`, advice);
  if (own.constructor.name === 'AsyncFunction' || own.constructor.name === 'AsyncGeneratorFunction')
    throw usageError(`the function of ${where} is async; a mapping may not wait for anything`, advice);
  return own as OwnFunction;
}

/** A module is loaded once for each content that it has: a reload finds the present one. */
async function importAt(url: URL, file: string): Promise<unknown> {
  url.searchParams.set('content', hash('sha256', readFileSync(file), 'hex').slice(0, 16));
  return import(url.href);
}

const FROM = 'sluice-connector:';
let isResolved = false;

/** Makes `sluice` the running installation, whatever is installed beside the connector, and looks for packages where the config is. */
function resolveSluice(): void {
  if (isResolved) return;
  isResolved = true;
  const ending = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const ours = new Map(
    [
      ['sluice', '../index'],
      ['sluice/mapping', '../../mappings/index'],
      ['sluice/testing', '../../testing/index'],
    ].map(([name = '', path]) => [name, new URL(`${path}${ending}`, import.meta.url).href]),
  );
  registerHooks({
    resolve(specifier, context, next) {
      const url = ours.get(specifier);
      if (url !== undefined) return { url, shortCircuit: true };
      if (!specifier.startsWith(FROM)) return next(specifier, context);
      const [name, folder] = JSON.parse(specifier.slice(FROM.length)) as [string, string];
      return next(name, { ...context, parentURL: pathToFileURL(`${folder}/`).href });
    },
  });
}

type Kind = 'text' | 'function' | 'list' | 'object';

const CONNECTOR: Readonly<Record<string, Kind>> = {
  name: 'text',
  config: 'object',
  facts: 'function',
  open: 'function',
};
const CONFIG: Readonly<Record<string, Kind>> = { keys: 'object', secret: 'text', settings: 'function' };
const STREAM: Readonly<Record<string, Kind>> = {
  ...{ name: 'text', about: 'object', mode: 'text', ignored: 'list', secrets: 'list', key: 'function' },
  ...{ timeMs: 'function', isOpen: 'function', changes: 'list', actions: 'object', pages: 'function' },
};
const ABOUT: Readonly<Record<string, Kind>> = {
  title: 'text',
  endpoints: 'list',
  scopes: 'list',
  reading: 'text',
  key: 'text',
};
const FIELDS: Readonly<Record<string, Kind>> = { prefix: 'text', custom: 'object', ecs: 'list' };

/** What a module lacks to be a vendor; nothing where it fits. */
function missingIn(vendor: unknown, known: readonly Registered[]): string[] {
  const lines: string[] = [];
  const require = (value: unknown, path: string, members: Readonly<Record<string, Kind>>): boolean => {
    if (kindOf(value) === undefined) return false; // reported as a member that is missing
    if (kindOf(value) !== 'object') lines.push(`${path} is ${kindOf(value)}; it must be an object`);
    else
      for (const [member, kind] of Object.entries(members)) {
        const found = kindOf((value as Record<string, unknown>)[member]);
        if (found !== kind)
          lines.push(
            `${path}.${member} is ${found ?? 'missing'}; it must be ${kind === 'object' ? 'an' : 'a'} ${kind}`,
          );
      }
    return kindOf(value) === 'object';
  };
  if (vendor === undefined || vendor === null) return ['the default export is missing'];
  if (!require(vendor, 'the default export', { connector: 'object', streams: 'list' })) return lines;
  const { connector, streams = [] } = vendor as Partial<Vendor>;
  if (require(connector, 'connector', CONNECTOR)) require(connector?.config, 'connector.config', CONFIG);
  const name = String(connector?.name);
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    lines.push(`connector.name is ${JSON.stringify(name)}; use lower case letters, digits and underscores`);
  if (known.some((one) => one.connector.name === name)) lines.push(`there is a connector ${name} already`);
  const keys = connector?.config?.keys ?? {};
  if (!Object.hasOwn(keys, 'connector')) lines.push(`connector.config.keys.connector is missing: z.literal('${name}')`);
  if (!Object.hasOwn(keys, connector?.config?.secret ?? ''))
    lines.push('connector.config.secret is none of connector.config.keys');
  if (kindOf(streams) !== 'list') return lines;
  if (streams.length === 0) lines.push('streams is empty');
  for (const [index, one] of streams.entries()) {
    const at = `streams[${index}]`;
    if (!require(one, at, { stream: 'object', mapping: 'function', fields: 'object' })) continue;
    if (require(one.stream, `${at}.stream`, STREAM)) require(one.stream.about, `${at}.stream.about`, ABOUT);
    require(one.fields, `${at}.fields`, FIELDS);
    const full = String(one.stream?.name);
    if (!full.startsWith(`${name}.`) || !/^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/.test(full))
      lines.push(`${at}.stream.name is ${JSON.stringify(full)}; it must be ${name}.something`);
    if (!['windows', 'snapshot', 'children'].includes(one.stream?.mode))
      lines.push(`${at}.stream.mode must be windows, snapshot or children`);
  }
  return lines;
}

function kindOf(value: unknown): Kind | string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return 'list';
  return typeof value === 'string' ? 'text' : typeof value;
}
