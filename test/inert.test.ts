import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawn, inert, inertJson, stackLines } from '../src/api/inert.ts';
import { table } from '../src/commands/shared/table.ts';
import { openOutput } from '../src/observe/output.ts';
import { createRedactor } from '../src/redaction/redactor.ts';

/** Told apart from the pattern of the code: by ranges, as they are in Unicode's tables. */
const OBEYED = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  ...[0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x3164, 0xfeff, 0xffa0],
  ...range(0x200b, 0x200f),
  ...range(0x2028, 0x202e),
  ...range(0x2060, 0x206f),
  ...range(0xfe00, 0xfe0f),
  ...range(0xfff9, 0xfffb),
  ...range(0xe0001, 0xe007f),
  ...range(0xd800, 0xdfff),
];
const ESC = '\u001b';
const ATTACK = `${ESC}]0;PWNED\u0007${ESC}[2J${ESC}[31mRED\r\nforged\u202e\u009b31m\u2028\ud800`;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function obeyedIn(text: string): number[] {
  const codes = new Set([...text].map((character) => character.codePointAt(0) ?? 0));
  return OBEYED.filter((code) => codes.has(code));
}

describe('inert', () => {
  it('writes out what a terminal or an eye would obey', () => {
    expect(inert(ATTACK)).toBe(
      '\\u001b]0;PWNED\\u0007\\u001b[2J\\u001b[31mRED\\r\\nforged\\u202e\\u009b31m\\u2028\\ud800',
    );
    expect(inert('\u{e0041}')).toBe('\\u{e0041}');
    for (const code of OBEYED) expect(obeyedIn(inert(`a${String.fromCodePoint(code)}b`))).toEqual([]);
  });

  it('leaves writing alone', () => {
    for (const text of ['', 'plain', 'naïve Ünïcode', 'Мишка', '日本語', '✓ → · …', '😀', 'C:\\new\\table', 'a "b"'])
      expect(inert(text)).toBe(text);
  });

  it('has an end, and says how much there was', () => {
    expect(inert('a'.repeat(30), 10)).toBe('aaaaaaaaaa… (20 characters more)');
    expect(inert(`${'a'.repeat(9)}😀${'b'.repeat(1000)}`, 10)).toBe('aaaaaaaaa… (1,001 characters more)');
    expect(inert('\u0000'.repeat(1e6)).length).toBeLessThan(70_000);
  });

  it('holds for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(obeyedIn(inert(text))).toEqual([]);
      }),
    );
  });
});

describe('JSON', () => {
  it('is the same to a program, and nothing to a terminal', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = inertJson(value, indent);
        expect(obeyedIn(text.replaceAll('\n', ''))).toEqual([]);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(inertJson({ [ATTACK]: `${ATTACK}\u{e0041}` })).toBe(
      JSON.stringify({ [ATTACK]: `${ATTACK}\u{e0041}` }).replace(
        /[\u0080-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
    );
  });
});

describe('what is drawn', () => {
  it('lets colours and the moves of the bar through, and nothing else', () => {
    const own = [`${ESC}[31m`, `${ESC}[39m`, `${ESC}[41m`, `${ESC}[?25l`, `${ESC}[?7h`, `${ESC}[1G`, `${ESC}[0J`, '\n'];
    expect(drawn(`a${own.join('b')}c`)).toBe(`a${own.join('b')}c`);
    for (const other of [
      `${ESC}]0;x\u0007`,
      `${ESC}[2;5H`,
      `${ESC}[2J`,
      `${ESC}[3J`,
      `${ESC}[5m`,
      `${ESC}c`,
      `${ESC}[6n`,
      '\r',
      '\u009b31m',
      '\u202e',
    ])
      expect(obeyedIn(drawn(`a${other}b`))).toEqual([]);
  });
});

describe('an output', () => {
  function written(write: (out: ReturnType<typeof openOutput>) => void): string {
    let text = '';
    write(openOutput({ write: (more) => (text += more) }, createRedactor()));
    return text;
  }

  it('has a line for a line, whatever is in it', () => {
    expect(written((out) => out.line(`a ${ATTACK}`)).split('\n')).toHaveLength(2);
    expect(written((out) => out.lines(['a\nb', 'c']))).toBe('a\\nb\nc\n');
    expect(written((out) => out.line('a'.repeat(1e6))).length).toBeLessThan(25_000);
    expect(written((out) => out.page('help\n  more\n'))).toBe('help\n  more\n');
  });

  it('has JSON with its own line feeds only', () => {
    const text = written((out) => out.json({ a: ATTACK }, 2));
    expect(JSON.parse(text)).toEqual({ a: ATTACK });
    expect(text.split('\n')).toHaveLength(4);
    expect(obeyedIn(text.replaceAll('\n', ''))).toEqual([]);
  });

  it('has tables whose rows nobody forges', () => {
    const rows = table([
      ['KEY', 'REASON'],
      [ATTACK, `${ATTACK}${'x'.repeat(5000)}`],
      ['k'.repeat(10_000), 'y'],
    ]);
    expect(rows).toHaveLength(3);
    expect(rows.flatMap(obeyedIn)).toEqual([]);
    for (const row of rows) expect(row.length).toBeLessThan(2500);
  });
});

it('a stack is its message in one line, and its frames', () => {
  const error = new Error(`first\n    at\nforged: line`, { cause: new Error('x') });
  const lines = stackLines(`${error.stack}\ncaused by: Error: y`);
  expect(lines[0]).toBe('Error: first\n    at\nforged: line');
  expect(lines[1]).toMatch(/^ {4}at /);
  expect(lines.at(-1)).toBe('caused by: Error: y');
  expect(stackLines('x\n'.repeat(1e6))).toHaveLength(1);
});
