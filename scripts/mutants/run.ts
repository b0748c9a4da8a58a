/**
 * Runs the tests against each mutant, in a copy of the repository, and prints which tests caught it.
 *
 *     npm run test:mutants [-- NAME …]
 *
 * A test that merely took too long has not caught anything. Exit code 1 when a mutant survives in one of its test files.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { applyTo, type Mutant } from './mutant.ts';
import { MUTANTS } from './table.ts';

const root = join(import.meta.dirname, '..', '..');
const NOT_COPIED = new Set(['node_modules', '.git', 'dist'].map((name) => join(root, name)));
const TOO_LATE = /timed out in|timed out after|^hangs$/i;

/** The parts that are needed of what vitest's reporter `json` writes. */
interface Report {
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; failureMessages: string[]; duration?: number }[];
  }[];
}

interface Catch {
  file: string;
  tests: number;
  late: number;
  seconds: number;
}

function copyOfRepository(): string {
  const copy = mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
  cpSync(root, copy, { recursive: true, filter: (source) => !NOT_COPIED.has(source) });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

function test(copy: string, files: readonly string[]): Catch[] {
  const output = join(copy, 'mutant-report.json');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const asked = ['run', '--project', 'unit', '--reporter=json', `--outputFile=${output}`, '--maxWorkers=2', ...files];
  rmSync(output, { force: true });
  const { stderr } = spawnSync(process.execPath, [vitest, ...asked], { cwd: copy, encoding: 'utf8' });
  const read = (): Report => {
    try {
      return JSON.parse(readFileSync(output, 'utf8')) as Report;
    } catch (cause) {
      throw new Error(`the tests did not run: ${stderr}`, { cause });
    }
  };
  return read().testResults.map(({ name, status, message, assertionResults }) => {
    if (status === 'failed' && assertionResults.length === 0) throw new Error(`${name} did not run: ${message}`);
    const failed = assertionResults.filter((one) => one.status === 'failed');
    const late = failed.filter(({ failureMessages: [first = ''] }) => TOO_LATE.test(first));
    const ms = failed.reduce((sum, { duration = 0 }) => sum + duration, 0);
    return { file: relative(copy, name), tests: failed.length - late.length, late: late.length, seconds: ms / 1000 };
  });
}

function told({ file, tests, late, seconds }: Catch): string {
  const waited = late > 0 ? ` (and ${late} too late)` : '';
  return `${tests === 0 ? 'SURVIVED' : tests} in ${file}${waited}, ${seconds.toFixed(1)} s`;
}

function chosen(names: readonly string[]): readonly Mutant[] {
  const unknown = names.filter((name) => !MUTANTS.some((mutant) => mutant.name === name));
  if (unknown.length === 0) return names.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => names.includes(name));
  console.error(`no such mutant: ${unknown.join(', ')}. There are: ${MUTANTS.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const mutants = chosen(process.argv.slice(2));
const copy = copyOfRepository();
const width = Math.max(...mutants.map(({ name }) => name.length));
let survived = 0;
try {
  const sound = test(copy, [...new Set(mutants.flatMap(({ tests }) => tests))]);
  const failing = sound.filter(({ tests, late }) => tests + late > 0);
  if (failing.length > 0) throw new Error(`without a mutant: ${failing.map(told).join('; ')}`);
  for (const mutant of mutants) {
    const takeBack = applyTo(copy, mutant);
    const caught = test(copy, mutant.tests);
    takeBack();
    const missed = caught.filter(({ tests }) => tests === 0);
    if (missed.length > 0) survived++;
    console.log(`${mutant.name.padEnd(width)}  ${caught.map(told).join(`\n${' '.repeat(width + 2)}`)}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(survived === 0 ? `all ${mutants.length} are caught` : `${survived} of ${mutants.length} SURVIVED`);
process.exitCode = survived === 0 ? 0 : 1;
