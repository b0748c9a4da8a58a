import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assign, type MemberOffer } from '../../src/coordination/assign.ts';

/** Rounds as the group has them, until nobody gives anything away: each takes what it is given, and lets go of the rest. */
function settled(offers: MemberOffer[]): { rounds: number; shares: Map<string, string[]> } {
  let members = offers;
  for (let rounds = 1; ; rounds++) {
    const shares = assign(members);
    const before = new Map(members.map(({ id, owned }) => [id, owned]));
    // At no time do two have one source: what somebody has is given to nobody else.
    for (const [id, mine] of shares)
      for (const source of mine)
        for (const [other, owned] of before) if (other !== id) expect(owned).not.toContain(source);
    members = members.map((member) => ({ ...member, owned: shares.get(member.id) ?? [] }));
    if (members.every(({ id, owned }) => same(owned, before.get(id) ?? []))) return { rounds, shares };
    if (rounds === 10) throw new Error('they never come to rest');
  }
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join() === other.toSorted().join();
}

function sourcesOf(count: number, weight = 1): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`tenant${index}`, weight]));
}

function loads(shares: Map<string, string[]>, sources: Record<string, number>): number[] {
  return [...shares.values()].map((mine) => mine.reduce((sum, source) => sum + (sources[source] ?? 0), 0));
}

const member = (id: string, sources: Record<string, number>, owned: string[] = []): MemberOffer => ({
  id,
  sources,
  owned,
});

test('thirty pipelines are spread evenly over three, be they those of thirty sources or of ten', () => {
  for (const sources of [sourcesOf(30), sourcesOf(15, 2)]) {
    const { shares, rounds } = settled(['a', 'b', 'c'].map((id) => member(id, sources)));
    expect(loads(shares, sources)).toEqual([10, 10, 10]);
    expect(rounds).toBe(2);
  }
  const ten = sourcesOf(10, 3);
  expect(loads(settled(['a', 'b', 'c'].map((id) => member(id, ten))).shares, ten).sort()).toEqual([12, 9, 9]);
});

test('who joins takes its share in two rounds: first it is let go of, then given away', () => {
  const sources = sourcesOf(30);
  const names = Object.keys(sources);
  const offers = [
    member('a', sources, names.slice(0, 15)),
    member('b', sources, names.slice(15)),
    member('c', sources),
  ];
  const first = assign(offers);
  expect([...first.values()].map(({ length }) => length)).toEqual([10, 10, 0]);
  const { shares } = settled(offers);
  expect(loads(shares, sources)).toEqual([10, 10, 10]);
  for (const source of shares.get('a') ?? []) expect(names.slice(0, 15)).toContain(source); // what stayed had not to move
  for (const source of shares.get('b') ?? []) expect(names.slice(15)).toContain(source);
});

test('what one that died had is given to the others at once, and nothing else moves', () => {
  const sources = sourcesOf(30);
  const names = Object.keys(sources);
  const shares = assign([member('a', sources, names.slice(0, 10)), member('b', sources, names.slice(10, 20))]);
  expect(loads(shares, sources)).toEqual([15, 15]);
  expect(shares.get('a')).toEqual(expect.arrayContaining(names.slice(0, 10)));
  expect(shares.get('b')).toEqual(expect.arrayContaining(names.slice(10, 20)));
});

test('a source goes to those only whose config has it, and one that nobody has any more to nobody', () => {
  const shares = assign([
    member('a', { one: 1 }, ['one', 'gone']),
    member('b', { one: 1, two: 1, three: 1 }),
    member('c', {}),
  ]);
  expect(shares.get('a')).toEqual(['one']);
  expect(shares.get('b')?.sort()).toEqual(['three', 'two']);
  expect(shares.get('c')).toEqual([]);
});

test('whatever is there: everything comes to rest, everybody has a share, and no two have the same', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 40 });
  const share = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(weights, share, fc.integer({ min: 1, max: 6 }), (given, owners, count) => {
      const sources = Object.fromEntries(given.map((weight, index) => [`tenant${index}`, weight]));
      const offers = Array.from({ length: count }, (_, at) =>
        member(
          `m${at}`,
          sources,
          Object.keys(sources).filter((_, index) => owners[index] === at),
        ),
      );
      const { shares } = settled(offers);
      const all = [...shares.values()].flat();
      expect(all.toSorted()).toEqual(Object.keys(sources).toSorted());
      const each = loads(shares, sources);
      const heaviest = Math.max(...given);
      expect(Math.max(...each) - Math.min(...each)).toBeLessThanOrEqual(heaviest);
    }),
    { numRuns: 300 },
  );
});
