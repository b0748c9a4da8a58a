/** The dependency rule of ARCHITECTURE.md, and what a stream consists of, read from the files themselves. */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { streams } from '../connectors/index.ts';
import { folderOf } from './fixtures/documents.ts';

const root = join(import.meta.dirname, '..');
const files = globSync('{src,connectors,mappings,members,simulator,testing,content}/**/*.ts', { cwd: root }).sort();
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([^'"\s,]+)\1/g;

/** Without comments, so that a word in one is not taken for code. Block comments begin a line here: `/*` in a text stays. */
function codeOf(file: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** What a file imports, statically, dynamically or as a type: our own files as paths from the root, packages by name. */
function importsOf(file: string): string[] {
  return [...codeOf(file).matchAll(IMPORT)].map(([, , target = '']) =>
    target.startsWith('.') ? relative(root, join(root, dirname(file), target)) : target,
  );
}

/** The first entry that fits a file says what the file may import of the project; patterns of `$1` are the folder's own. */
const RULES: readonly { files: RegExp; may: readonly string[] }[] = [
  { files: /^src\/main\.ts$/, may: ['src/', 'connectors/index.ts', 'simulator/index.ts', 'content/index.ts'] },
  { files: /^src\//, may: ['src/'] },
  { files: /^connectors\/index\.ts$/, may: ['connectors/', 'mappings/', 'src/index.ts'] },
  { files: /^connectors\/([^/]+\/)/, may: ['connectors/$1', 'members/$1', 'src/index.ts'] },
  { files: /^mappings\/([^/]+\/)/, may: ['mappings/$1', 'mappings/ecs', 'members/$1', 'src/index.ts'] },
  { files: /^mappings\/(ecs[^/]*|index)\.ts$/, may: ['mappings/ecs', 'src/index.ts'] },
  { files: /^members\/([^/]+\/)/, may: ['members/$1', 'src/index.ts'] },
  { files: /^simulator\//, may: ['simulator/'] },
  { files: /^content\//, may: ['content/'] },
  { files: /^testing\//, may: ['testing/', 'mappings/ecs', 'src/'] },
];

/** The rooms of `src`, from the top: each imports only from those below it. */
const ROOMS = [
  ...['commands', 'config', 'observe', 'engine', 'load', 'reading', 'coordination', 'sinks', 'state', 'net'],
  ...['redaction', 'system', 'api'],
];
const LOOSE = ['src/cli.ts', 'src/index.ts', 'src/main.ts'];
/** Beside its folders. */
const MOST_FILES = 16;

/** Files that import one another, over however many others, types included. */
function circles(): string[] {
  const imports = new Map(files.map((file) => [file, importsOf(file).filter((target) => files.includes(target))]));
  const reaches = (from: string, seen: Set<string>): Set<string> => {
    for (const target of imports.get(from) ?? []) {
      if (seen.has(target)) continue;
      seen.add(target);
      reaches(target, seen);
    }
    return seen;
  };
  return files.filter((file) => reaches(file, new Set()).has(file));
}

function forbiddenImports(file: string): string[] {
  const rule = RULES.find((one) => one.files.test(file));
  if (rule === undefined) return [`${file} is in no place that the rule knows`];
  const own = rule.files.exec(file)?.[1] ?? '';
  const allowed = rule.may.map((start) => start.replace('$1', own));
  const isOurs = (target: string) => existsSync(join(root, target));
  return importsOf(file)
    .filter((target) => isOurs(target) && !allowed.some((start) => target.startsWith(start)))
    .map((target) => `${file} imports ${target}`);
}

describe('the dependency rule', () => {
  it('sees the files and their imports', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(importsOf('src/main.ts')).toEqual(
      expect.arrayContaining(['src/cli.ts', 'connectors/index.ts', 'simulator/index.ts', 'node:fs']),
    );
  });

  it('holds for every file', () => expect(files.flatMap(forbiddenImports)).toEqual([]));

  it('has no circle', () => expect(circles()).toEqual([]));

  it('leads from the top of `src` to its ground', () => {
    const room = (file: string) => ROOMS.indexOf(file.split('/')[1] ?? '');
    const up = files
      .filter((file) => file.startsWith('src/') && !LOOSE.includes(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((target) => target.startsWith('src/') && (LOOSE.includes(target) || room(target) < room(file)))
          .map((target) => `${file} imports ${target}`),
      );
    expect(up).toEqual([]);
  });

  it('has no room that is too full to find something in it', () => {
    const ours = files.filter((file) => file.startsWith('src/'));
    expect(ours.filter((file) => file.split('/').length === 2)).toEqual(LOOSE);
    expect(ours.filter((file) => !LOOSE.includes(file) && !ROOMS.includes(file.split('/')[1] ?? ''))).toEqual([]);
    const counts = Map.groupBy(ours, (file) => dirname(file));
    expect([...counts].filter(([, inIt]) => inIt.length > MOST_FILES).map(([folder]) => folder)).toEqual([]);
  });

  it('calls no two things by one name', () => {
    const names = files
      .filter((file) => file.startsWith('src/'))
      .flatMap((file) =>
        [...codeOf(file).matchAll(/^export (?:interface|type|class) (\w+)/gm)].map(([, name]) => name),
      );
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('lets nothing that is shipped import what is only there for development', () => {
    const facts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
    const shipped = Object.keys(facts.dependencies);
    const isShipped = (target: string) => shipped.some((name) => target === name || target.startsWith(`${name}/`));
    const strange = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !target.startsWith('node:') && !existsSync(join(root, target)) && !isShipped(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(strange).toEqual([]);
  });

  /** `src/observe/output.ts` for what commands write; the log and the bar draw on the terminal that it opens. */
  it('has one way out to the terminal', () => {
    const writes = /\b(?:stdout|stderr|terminal|console)\s*\??\.\s*(?:write|log|error|warn|info)\b/;
    expect(files.filter((file) => file.startsWith('src/') && writes.test(codeOf(file)))).toEqual([
      'src/main.ts',
      'src/observe/progress.ts',
    ]);
  });

  it('leaves the process to src/main.ts', () => {
    const touching = files.filter(
      (file) => file.startsWith('src/') && /\bprocess\s*[.?[]|node:process/.test(codeOf(file)),
    );
    expect(touching).toEqual(['src/main.ts']);
  });
});

describe('the registry', () => {
  const folders = streams.map(({ stream }) => folderOf(stream.name));

  it('names every stream once, after its connector', () => {
    expect(new Set(folders).size).toBe(folders.length);
    for (const { connector, stream } of streams) expect(stream.name.startsWith(`${connector.name}.`)).toBe(true);
  });

  it.each(streams.map((one) => [one.stream.name, one] as const))('%s has its four places', async (name, registered) => {
    const folder = folderOf(name);
    const module = (path: string) => import(/* @vite-ignore */ pathToFileURL(join(root, path)).href) as Promise<object>;
    expect(Object.values(await module(`connectors/${folder}.ts`))).toContain(registered.stream);
    expect(await module(`members/${folder}.ts`)).toHaveProperty('members');
    expect(await module(`mappings/${folder}.ts`)).toMatchObject({
      mapping: registered.mapping,
      fields: registered.fields,
    });
    const fixtures = readdirSync(join(root, 'test', 'fixtures', folder));
    const named = (ending: string) =>
      fixtures.filter((file) => file.endsWith(ending)).map((file) => file.slice(0, -ending.length));
    expect(named('.input.json')).not.toEqual([]);
    expect(named('.input.json')).toEqual(named('.expected.json'));
  });

  it('knows every folder of fixtures', () => {
    const found = globSync('*/*', { cwd: join(root, 'test', 'fixtures') }).filter((path) =>
      statSync(join(root, 'test', 'fixtures', path)).isDirectory(),
    );
    expect(found.sort()).toEqual([...folders].sort());
  });
});
