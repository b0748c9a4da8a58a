/**
 * docs/security.md promises nothing that no test shows, its examples are what it says of them, and nobody is told to run
 * what is not ours. A row is added with its test: `test/x.test.ts` "title as it stands there", "another one".
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { load } from './config/helpers.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const page = read('docs/security.md');

interface Files {
  exists(file: string): boolean;
  read(file: string): string;
}
const tree: Files = { exists: (file) => existsSync(join(ROOT, file)), read };

/** The cells of each row of every table that has a column of tests. */
function rowsOf(text: string): string[][] {
  const lines = text.split('\n');
  const heads = lines.flatMap((line, at) => (/^\| who \|.*\| shown by \|/.test(line) ? [at] : []));
  return heads.flatMap((head) => {
    const body = lines.slice(head + 2);
    const end = body.findIndex((line) => !line.startsWith('|'));
    return body.slice(0, end < 0 ? undefined : end).map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  });
}

/** What is wrong with a row: cells that are missing, a test that is not there, a title that its file does not have. */
function faultsOf(row: string[], { exists, read: contentOf }: Files): string[] {
  if (row.length !== 5) return [`it has ${row.length} cells`];
  const empty = ['who', 'what they may try', 'what Sluice does', 'shown by'].filter((_name, at) => row[at] === '');
  const shown = [...(row[3] ?? '').matchAll(/`([^`]+)`((?:,? "[^"]+")*)/g)];
  return [
    ...empty.map((name) => `"${name}" is empty`),
    ...(shown.length === 0 ? ['it names no test'] : []),
    ...shown.flatMap(([, file = '', titles = '']) => {
      if (!/^test\/.+\.test\.ts$/.test(file) || !exists(file)) return [`${file} is no test`];
      const code = contentOf(file);
      const missing = [...titles.matchAll(/"([^"]+)"/g)].filter(
        ([, title = '']) => !["'", '"', '`'].some((quote) => code.includes(`(${quote}${title}${quote}`)),
      );
      return missing.map(([, title]) => `${file} has no test "${title}"`);
    }),
  ];
}

describe('the table', () => {
  const rows = rowsOf(page);

  test('is there', () => expect(rows.length).toBeGreaterThanOrEqual(30));

  test.each(rows.map((row) => [row[1] ?? '', row] as const))('%s', (_what, row) => {
    expect(faultsOf(row, tree)).toEqual([]);
  });
});

describe('a row', () => {
  const files: Files = {
    exists: (file) => file === 'test/a.test.ts',
    read: () => "test('one', () => {});\nit.each([1])('two %s', () => {});\n// three\n",
  };
  const faults = (shown: string, rest = 'left to you') =>
    faultsOf(
      rowsOf(`| who | what | does | shown by | left |\n|---|\n| a | b | c | ${shown} | ${rest} |\n`)[0] ?? [],
      files,
    );

  test.each([
    ['`test/a.test.ts`', []],
    ['`test/a.test.ts` "one", "two %s"', []],
    ['', ['"shown by" is empty', 'it names no test']],
    ['somebody looked', ['it names no test']],
    ['`test/b.test.ts`', ['test/b.test.ts is no test']],
    ['`src/a.ts`', ['src/a.ts is no test']],
    ['`test/a.test.ts` "one", "three"', ['test/a.test.ts has no test "three"']],
    ['`test/a.test.ts` "on"', ['test/a.test.ts has no test "on"']],
    ['`test/a.test.ts` "one" | more', ['it has 6 cells']],
  ])('with %o', (shown, expected) => expect(faults(shown)).toEqual(expected));

  test('may leave nothing to you', () => expect(faults('`test/a.test.ts`', '')).toEqual([]));
});

describe('the examples', () => {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text = '']) => ({ kind, text }));
  const yaml = blocks.filter(({ kind }) => kind === 'yaml').map(({ text }) => text);

  test('of a config are one', () => {
    const configs = yaml.filter((text) => text.startsWith('sources:'));
    expect(configs).toHaveLength(1);
    for (const text of configs) {
      const file = (path: string) => (path === 'sluice.yaml' ? text : 'a-secret');
      expect(load(text, { readFile: file }).warnings).toEqual([]);
    }
  });

  test('of a pod lets nobody be root, nothing be written but the data, and Sluice end in time', () => {
    expect(page).toContain('../deploy/kubernetes/');
    const pod = parse(read('deploy/kubernetes/statefulset.yaml'));
    expect(pod.spec.replicas).toBe(1);
    const { spec } = pod.spec.template;
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(8);
    const [container] = spec.containers;
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const mounted = container.volumeMounts.map(({ name }: { name: string }) => name);
    const volumes = [
      ...spec.volumes,
      ...pod.spec.volumeClaimTemplates.map((one: { metadata: object }) => one.metadata),
    ];
    expect(volumes.map(({ name }: { name: string }) => name).sort()).toEqual(mounted.sort());
  });

  test('of a service sets nothing that V8 cannot live with, nor anything twice', () => {
    expect(page).toContain('../deploy/systemd/sluice.service');
    const unit = read('deploy/systemd/sluice.service');
    const names = [...unit.matchAll(/^(\w+)=/gm)].map(([, name]) => name).filter((name) => name !== 'LoadCredential');
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('MemoryDenyWriteExecute');
    expect(names).toEqual(expect.arrayContaining(['ProtectSystem', 'StateDirectory', 'UMask', 'SystemCallFilter']));
  });
});

test('the image names its base by tag, and in a comment by what the tag stood for', () => {
  const lines = read('Dockerfile').split('\n');
  const from = lines.findLastIndex((line) => line.startsWith('FROM '));
  expect(lines[from]).toBe('FROM node:24-slim');
  const comment = lines.slice(lines.slice(0, from).findLastIndex((line) => !line.startsWith('#')) + 1, from).join('\n');
  expect(comment).toMatch(/20\d\d-\d\d-\d\d/);
  expect(comment).toMatch(/node:24-slim@sha256:[0-9a-f]{64}\b/);
});

test('npx is advised in the clone alone, as long as the name in the registry is not ours', () => {
  const kinds = '{md,ts,js,json,yaml}';
  const files = globSync(
    [
      `*.${kinds}`,
      `{bin,bench,connectors,deploy,docs,mappings,members,scripts,simulator,src}/**/*.${kinds}`,
      'Dockerfile',
      '.ci/*',
    ],
    { cwd: ROOT, exclude: ['package-lock.json'] },
  );
  expect(files).toEqual(expect.arrayContaining(['bin/sluice.js', 'src/cli.ts', 'docs/security.md', 'package.json']));
  const naming = files.filter((file) =>
    /\b(?:npx|bunx|(?:yarn|pnpm) dlx|npm (?:i|install))(?: -\S+)* sluice\b/.test(read(file)),
  );
  expect(naming).toEqual(['README.md']);
  expect(read('README.md')).toContain('in the clone and nowhere else');
});
