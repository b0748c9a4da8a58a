/** JSON whose values JavaScript would change. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exactNumber, keepOrder, memberOrder, parseExact, parseInOrder } from '../src/api/records/json.ts';

test.each([
  ['9007199254740991', 9007199254740991],
  ['9007199254740992', '9007199254740992'],
  ['9007199254740993', '9007199254740993'],
  ['18446744073709551615', '18446744073709551615'],
  ['-6552613549544300799', '-6552613549544300799'],
  ['0.1', 0.1],
  ['-0.50', -0.5],
  ['1480000000.1234567', 1480000000.1234567],
  ['0.12345678901234567890', '0.12345678901234567890'],
  ['0.10000000000000001', '0.10000000000000001'],
  ['1e3', 1000],
  ['1.5E-3', 0.0015],
  ['1234567890123456E400', '1234567890123456E400'],
  ['1e400', '1e400'],
  ['-1.5E+400', '-1.5E+400'],
  ['1e-400', '1e-400'],
  ['5e-0324', 5e-324],
  ['0e999', 0],
  ['1e100', 1e100],
  ['100000000000000000000', '100000000000000000000'],
  ['0.000', 0],
  ['-0', -0],
])('%s', (literal, value) => {
  expect(exactNumber(literal)).toBe(value);
  expect(parseExact(literal)).toBe(value);
  expect(parseExact(`{"a": [${literal},\t${literal}]}`)).toEqual({ a: [value, value] });
});

test('texts are left alone, whatever they look like', () => {
  const value = { a: ': 18446744073709551615', 'x"y': '\\"', b: '[1e400, "2":', 'c\\': '9'.repeat(40), n: '1' };
  expect(parseExact(JSON.stringify(value).replace('"1"', '99999999999999999999'))).toEqual({
    ...value,
    n: '99999999999999999999',
  });
});

test('a long number is met wherever it stands', () => {
  for (let shift = 0; shift < 40; shift++) {
    const text = `{"${'x'.repeat(shift)}":"1234567890123456789","n":-1234567890123456789}`;
    expect(parseExact(text)).toMatchObject({ n: '-1234567890123456789' });
  }
});

/** By the parser's own account of where a value stood, at four times the price. */
function digitByDigit(text: string): unknown {
  const exact = (_: string, value: unknown, { source = '' }: { source?: string }) =>
    typeof value === 'number' ? exactNumber(source) : value;
  return JSON.parse(text, exact as (name: string, value: unknown) => unknown);
}

test('any value comes out as from JSON.parse, as long as its numbers survive', () => {
  const anything = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
  const named = fc.dictionary(fc.oneof(fc.nat().map(String), fc.string(), fc.constant('__proto__')), anything);
  fc.assert(
    fc.property(fc.oneof(anything, named), (value) => {
      const text = `[1234567890123456789,{"7":1},${JSON.stringify(value)}]`;
      for (const parse of [parseExact, parseInOrder]) {
        const [, , read] = parse(text) as unknown[];
        expect(read).toEqual(digitByDigit(JSON.stringify(value)));
      }
    }),
    { seed: 20261126 },
  );
});

test.each(['', '{', '{"a":1e400', '[18446744073709551615,]', '{"1":}', '"\\', '18446744073709551615 x'])(
  '%j is no JSON',
  (text) => {
    expect(() => parseExact(text)).toThrow(SyntaxError);
    expect(() => parseInOrder(text)).toThrow(SyntaxError);
  },
);

test('the order of the text is known, where names look like integers too', () => {
  const text = '{"10":{"b":1,"2":{},"1":{"__proto__":5,"3":0}},"Name":2,"9":3}';
  const value = parseInOrder(text) as Record<string, Record<string, object>>;
  expect(value).toEqual(JSON.parse(text));
  expect(memberOrder(value)).toEqual(['10', 'Name', '9']);
  expect(memberOrder(value['10'] as object)).toEqual(['b', '2', '1']);
  expect(memberOrder(value['10']?.['1'] as object)).toEqual(['__proto__', '3']);
  expect(memberOrder(keepOrder(value, { 9: 0, 10: 0 }))).toEqual(['10', '9']);
  expect(memberOrder({ b: 1, a: 2 })).toEqual(['b', 'a']);
});

test('depth costs no stack', () => {
  const deep = `${'['.repeat(100_000)}{"1":18446744073709551615}${']'.repeat(100_000)}`;
  let value = parseInOrder(deep);
  for (let depth = 0; depth < 100_000; depth++) value = (value as unknown[])[0];
  expect(value).toEqual({ 1: '18446744073709551615' });
});
