/**
 * Every pattern of the code takes time in proportion to the text, whatever the text is: no record, reply or line can make
 * one stand still. Each is run over texts that are made of what it looks for, in doubling sizes.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseAst } from 'vitest/node';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['src', 'members', 'mappings', 'connectors', 'simulator', 'testing']; // from the ground up: who makes it is who is named
const FILES = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.ts`, { cwd: ROOT }).sort());

interface Pattern {
  where: string;
  regex: RegExp;
}

interface Node {
  type: string;
  start: number;
  regex?: { pattern: string; flags: string };
  callee?: { type: string; name?: string };
}

/** Every node of a syntax tree. */
function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return;
  if (typeof (value as Node).type === 'string') yield value as Node;
  for (const inner of Object.values(value)) yield* nodesOf(inner);
}

/** Patterns as they stand in the code, and how many are made by `new RegExp`. */
function patternsIn(file: string): { literals: Pattern[]; made: number } {
  const code = readFileSync(join(ROOT, file), 'utf8');
  const nodes = [...nodesOf(parseAst(code, { lang: 'ts' }))];
  const line = (at: number): number => code.slice(0, at).split('\n').length;
  const literals = nodes.flatMap(({ regex, start }) =>
    regex === undefined ? [] : [{ where: `${file}:${line(start)}`, regex: new RegExp(regex.pattern, regex.flags) }],
  );
  const made = nodes.filter(({ type, callee }) => type === 'NewExpression' && callee?.name === 'RegExp').length;
  return { literals, made };
}

/** Those that are made when their file is loaded are caught then; those of a call stand here. */
const MADE_IN_CALLS: Pattern[] = [
  { where: 'connectors/apex-central/shared/task.ts', regex: /"totalProgress"\s*:\s*"?(\d+)/gi },
];

const made: Pattern[] = [];
const Original = RegExp;
const found = FILES.map((file) => ({ file, ...patternsIn(file) }));

beforeAll(async () => {
  vi.resetModules();
  for (const { file, made: count } of found) {
    if (count === 0) continue;
    const catching = class extends Original {
      constructor(pattern: string | RegExp, flags?: string) {
        super(pattern, flags);
        made.push({ where: file, regex: new Original(pattern, flags) });
      }
    };
    vi.stubGlobal('RegExp', catching);
    await import(join(ROOT, file));
    vi.unstubAllGlobals();
  }
}, 120_000);
afterAll(() => vi.unstubAllGlobals());

test('every pattern is known', () => {
  const wanted = found.reduce((sum, { made: count }) => sum + count, 0);
  expect(made.length + MADE_IN_CALLS.length).toBeGreaterThanOrEqual(wanted);
  expect(found.flatMap(({ literals }) => literals).length).toBeGreaterThan(150);
});

const USUAL = ['a', '0', ' ', '"', '\\', '-', '=', ':', '/', '.', '<', '[', '{', '\n', '@', 'A', '_', "'", '\\"'];

/** What a pattern is made of: its words, and what they may look like together. */
function piecesOf({ source }: RegExp): string[] {
  const plain = source.replace(/\\([bBdDsSwWnrt.*+?^${}()|[\]\\/"'-])/g, (_, one: string) =>
    /[bB]/.test(one)
      ? ''
      : (({ d: '0', s: ' ', w: 'a', n: '\n', S: 'a', D: 'a', W: ' ' } as Record<string, string>)[one] ?? one),
  );
  const words = plain.match(/[A-Za-z]{2,}|:\/\/|-----[A-Z ]+/g) ?? [];
  return [...new Set([...words.slice(0, 12), ...words.map((word) => word.toLowerCase()).slice(0, 6)])];
}

/** Texts of about so many characters: each piece, and each two, over and over. */
function* attacks(regex: RegExp): Generator<(length: number) => string> {
  const words = piecesOf(regex);
  const repeated = (piece: string) => (length: number) => piece.repeat(Math.ceil(length / piece.length));
  for (const one of [...USUAL, ...words]) {
    yield repeated(one);
    for (const start of words.slice(0, 6)) yield (length) => start + repeated(one)(length);
    for (const other of USUAL) if (one !== other) yield repeated(one + other);
  }
  for (const word of words)
    for (const one of USUAL) for (const other of USUAL.slice(0, 8)) yield repeated(word + one + other);
  for (const word of words) yield repeated(`${word}aaaaaaaaa-`);
}

/** What this thread computed: what else the machine does meanwhile does not count. */
function timeOf(regex: RegExp, text: string): number {
  const { user } = process.threadCpuUsage();
  text.replace(regex, '');
  regex.lastIndex = 0;
  regex.test(text);
  return process.threadCpuUsage().user / 1000 - user / 1000;
}

const least = (regex: RegExp, text: string): number => Math.min(...[1, 2, 3].map(() => timeOf(regex, text)));

const MIB = 1024 * 1024;
const FIRST = 32_768;
/** A linear one takes a tenth of this. */
const SUSPECT_MS = 8;

/** What is wrong with a pattern on this text: four times of it should take four times as long, and a mebibyte no second. */
function troubleWith(regex: RegExp, attack: (length: number) => string): string | undefined {
  if (timeOf(regex, attack(FIRST)) < SUSPECT_MS || timeOf(regex, attack(FIRST)) < SUSPECT_MS) return undefined;
  const [once, more] = [least(regex, attack(FIRST)), least(regex, attack(4 * FIRST))];
  if (once < SUSPECT_MS) return undefined;
  if (more / once > 8) return `${(more / once).toFixed(1)} times for four times`;
  const ms = least(regex, attack(MIB));
  return ms > 1500 ? `${Math.round(ms)} ms for a MiB` : undefined;
}

test('none of them takes more than in proportion to the text', () => {
  const bad: string[] = [];
  const seen = new Set<string>();
  for (const { where, regex } of [...found.flatMap(({ literals }) => literals), ...made, ...MADE_IN_CALLS]) {
    if (seen.has(String(regex))) continue;
    seen.add(String(regex));
    for (const attack of attacks(regex)) {
      const trouble = troubleWith(regex, attack);
      if (trouble === undefined) continue;
      bad.push(`${where} ${String(regex).slice(0, 80)}: ${trouble} of ${JSON.stringify(attack(40).slice(0, 40))}`);
      break;
    }
  }
  expect(bad).toEqual([]);
}, 600_000);
