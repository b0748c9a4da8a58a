/** The worked examples of the pages, built out of the pages in a copy of the tree, and taken through the steps that the pages name. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'sluice-docs-'));
  const listed = execFileSync('git', ['-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  for (const file of listed.split('\0').filter(Boolean))
    cpSync(join(ROOT, file), join(copy, file), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});
afterEach(() => rmSync(copy, { recursive: true, force: true }));

/** The code under each step of a page, by the file that its heading names first. */
function stepsOf(page: string): Map<string, string> {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
  const steps = text.matchAll(
    /^\*\*\d\. (?:The simulator\*\*: )?`([^`]+\.[a-z.]+)`[\s\S]*?\n```[a-z]+\n([\s\S]*?)\n```/gm,
  );
  return new Map([...steps].map(([, file = '', code = '']) => [file, code]));
}

function write(file: string, code: string): void {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), `${code}\n`);
}

function edit(file: string, ...changes: [before: string, after: string][]): void {
  let text = readFileSync(join(copy, file), 'utf8');
  for (const [before, after] of changes) {
    expect(text, file).toContain(before);
    text = text.replace(before, () => after);
  }
  writeFileSync(join(copy, file), text);
}

const run = (command: string, ...argv: string[]) => {
  const { CI: _ci, VITEST: _vitest, ...env } = process.env;
  try {
    return execFileSync(command, argv, { cwd: copy, encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${argv.join(' ')}\n${stdout.slice(-3000)}${stderr.slice(-1000)}`);
  }
};
const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name);

test('docs/adding-a-stream.md', { timeout: 240_000 }, () => {
  const steps = stepsOf('adding-a-stream.md');
  const fixtures = 'test/fixtures/cylance/toy';
  const written = ['members/cylance/toy.ts', 'connectors/cylance/toy.ts', 'mappings/cylance/toy.ts'];
  for (const file of [...written, 'simulator/listed/toys.ts', `${fixtures}/typical.input.json`])
    write(file, steps.get(file) ?? '');
  const page = readFileSync(join(ROOT, 'docs', 'adding-a-stream.md'), 'utf8');
  write(`${fixtures}/actions.ts`, /```ts\n(import \{ type Actions[\s\S]*?)\n```/.exec(page)?.[1] ?? '');
  edit(
    'connectors/index.ts',
    [
      "import { threat } from './cylance/threat.ts';",
      "import { threat } from './cylance/threat.ts';\nimport { toy } from './cylance/toy.ts';\nimport * as cylanceToy from '../mappings/cylance/toy.ts';",
    ],
    ['  { connector: apexCentral,', `${steps.get('connectors/index.ts')}\n  { connector: apexCentral,`],
  );
  const index = readFileSync(join(copy, 'simulator/listed/index.ts'), 'utf8');
  const [, last = ''] =
    /\b(\w+),?\s*\];?\s*$/m.exec(/export const \w+[^=]*= \[[\s\S]*?\];/.exec(index)?.[0] ?? '') ?? [];
  edit('simulator/listed/index.ts', [`  ${last},\n]`, `  ${last},\n  toys,\n]`]);
  writeFileSync(
    join(copy, 'simulator/listed/index.ts'),
    readFileSync(join(copy, 'simulator/listed/index.ts'), 'utf8').replace(
      /^(import )/m,
      "import { toys } from './toys.ts';\n$1",
    ),
  );
  run('node', 'scripts/golden.ts', 'cylance.toy');
  run(bin('biome'), 'check', '--write', 'members', 'connectors', 'mappings', 'simulator', fixtures);
  run('node', 'scripts/generate-docs.ts');
  run(bin('tsc'), '--noEmit');
  const unit = ['run', '--project', 'unit'];
  run(bin('vitest'), ...unit, 'test/architecture.test.ts');
  run(bin('vitest'), ...unit, 'test/contract', 'test/simulator', '-t', 'cylance.toy\\b|toys');
  run(bin('vitest'), ...unit, 'test/engine/all-streams.test.ts', '-t', 'cylance.toy\\b');
});

test('docs/adding-a-stream.md: with a time filter it compiles', { timeout: 60_000 }, () => {
  const steps = stepsOf('adding-a-stream.md');
  write('members/cylance/toy.ts', steps.get('members/cylance/toy.ts') ?? '');
  const page = readFileSync(join(ROOT, 'docs', 'adding-a-stream.md'), 'utf8');
  write('connectors/cylance/toy.ts', /## With a time filter[\s\S]*?```ts\n([\s\S]*?)\n```/.exec(page)?.[1] ?? '');
  run(bin('tsc'), '--noEmit');
});

test('docs/adding-a-sink.md', { timeout: 120_000 }, () => {
  const steps = stepsOf('adding-a-sink.md');
  for (const file of [
    'src/sinks/collector/config.ts',
    'src/sinks/collector/index.ts',
    'test/contract/collector.test.ts',
  ])
    write(file, steps.get(file) ?? '');
  const registry = readFileSync(join(copy, 'src/sinks/registry.ts'), 'utf8');
  const list = /const all = \[.*/.exec(registry)?.[0] ?? '';
  edit('src/sinks/registry.ts', [
    list,
    `${steps.get('src/sinks/registry.ts')}\n${list.replace('] as const', ', collector] as const')}`,
  ]);
  run(bin('biome'), 'check', '--write', 'src/sinks', 'test/contract');
  run(bin('tsc'), '--noEmit');
  run('node', 'scripts/generate-docs.ts');
  expect(readFileSync(join(copy, 'docs', 'config.md'), 'utf8')).toContain(
    'A collector that takes lines of JSON by HTTP.',
  );
  run(
    bin('vitest'),
    'run',
    '--project',
    'unit',
    'test/contract/collector.test.ts',
    'test/architecture.test.ts',
    'test/config',
  );
});
