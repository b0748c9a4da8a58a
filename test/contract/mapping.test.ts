/** Every mapping of the registry against its fixtures, and against records that nobody has thought of. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { FieldList } from '../../mappings/ecs.ts';
import { undeclared, violations } from '../../mappings/ecs-check.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import type { Registered } from '../../src/api/stream.ts';
import { documentOf, type Fixture, folderOf, mapped, SOURCE } from '../fixtures/documents.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures');

function fixturesOf(registered: Registered): string[] {
  const folder = join(root, folderOf(registered.stream.name));
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.input.json'))
    .map((file) => file.slice(0, -'.input.json'.length))
    .sort();
}

function read<T>(registered: Registered, file: string): T {
  return JSON.parse(readFileSync(join(root, folderOf(registered.stream.name), file), 'utf8')) as T;
}

/** By convention: the module beside the others, with the stream's name. */
async function fieldsOf(registered: Registered): Promise<FieldList> {
  const file = join(root, '..', '..', 'mappings', `${folderOf(registered.stream.name)}.ts`);
  const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { fields: FieldList; mapping: unknown };
  expect(module.mapping).toBe(registered.mapping);
  return module.fields;
}

describe.each(streams.map((registered) => [registered.stream.name, registered] as const))(
  '%s',
  async (_name, registered) => {
    const fields = await fieldsOf(registered);
    const prefix = registered.connector.name;
    const names = fixturesOf(registered);

    it('has fixtures', () => expect(names).not.toEqual([]));

    it('declares its own fields below its prefix, and only fields of the dictionary beside them', () => {
      expect(fields.prefix).toBe(registered.stream.name);
      for (const name of Object.keys(fields.custom)) expect(name.startsWith(`${fields.prefix}.`), name).toBe(true);
      expect(new Set(fields.ecs).size).toBe(fields.ecs.length);
    });

    describe.each(names)('%s', (name) => {
      const fixture = read<Fixture>(registered, `${name}.input.json`);

      it('becomes the expected document', () => {
        const expected = read<unknown>(registered, `${name}.expected.json`);
        expect(JSON.parse(JSON.stringify(documentOf(registered, fixture)))).toEqual(expected);
      });

      it('is deterministic, leaves the record alone, and does not depend on the order of members', () => {
        const before = JSON.stringify(fixture.record);
        const first = JSON.stringify(documentOf(registered, fixture));
        expect(JSON.stringify(documentOf(registered, fixture))).toBe(first);
        expect(JSON.stringify(fixture.record)).toBe(before);
        const { event: _first, ...backwards } = documentOf(registered, {
          ...fixture,
          record: reversed(fixture.record),
        });
        const { event: _second, ...forwards } = documentOf(registered, fixture);
        expect(backwards).toEqual(forwards);
      });

      it('has only valid and declared fields, and none that the engine sets', () => {
        const { _id, ...document } = documentOf(registered, fixture);
        expect(violations(document, prefix, fields)).toEqual([]);
        expect(undeclared(document, fields)).toEqual([]);
        const event = document.event as Record<string, unknown>;
        // The engine sets it where the mapping leaves it out, as it has to where several members make the key.
        const { stream } = registered;
        expect([undefined, stream.key(withoutSecrets(fixture.record, stream.secrets))]).toContain(event.id);
        for (const member of ['hash', 'sequence', 'ingested']) expect(event[member]).toBeUndefined();
        expect(document.data_stream).toBeUndefined();
      });

      it('holds no secret', () => {
        const text = JSON.stringify(documentOf(registered, fixture));
        for (const secret of fixture.secrets ?? []) {
          expect(JSON.stringify(fixture.record)).toContain(secret);
          expect(text).not.toContain(secret);
        }
        expect(
          readFileSync(join(root, folderOf(registered.stream.name), `${name}.expected.json`), 'utf8'),
        ).not.toContain('PLANTED-SECRET');
      });
    });

    it('survives every broken form of its fixtures', () => {
      // A fixture with secrets of its own would only show that damage can make a secret unrecognisable.
      const fixtures = names.map((name) => read<Fixture>(registered, `${name}.input.json`));
      const records = fixtures.filter(({ secrets }) => secrets === undefined).map(({ record }) => record);
      const runs = Number(process.env.RUNS ?? 1000);
      // Found a fault with `SEED=random`? The message has its seed: `SEED=… npx vitest run …` repeats it.
      let understood = 0;
      fc.assert(
        fc.property(
          fc.constantFrom(...records),
          fc.array(damage, { maxLength: 12 }),
          fc.option(secretPlace),
          fc.boolean(),
          (record, damages, place, keepOriginal) => {
            const damaged = damages.reduce((current, one) => applied(current, one), structuredClone(record));
            const broken = place === null ? damaged : planting(damaged, registered.stream.secrets, place);
            const key = keyOf(registered, broken);
            if (key === undefined) return;
            understood++;
            const clean = withoutSecrets(broken, registered.stream.secrets);
            const source = { ...SOURCE, connector: prefix, keepOriginal };
            const document = mapped(registered, clean, source);
            expect(violations(document, prefix, fields)).toEqual([]);
            expect(undeclared(document, fields)).toEqual([]);
            const text = JSON.stringify(document);
            expect(text).not.toContain('PLANTED-SECRET');
            expect(JSON.stringify(mapped(registered, structuredClone(clean), source))).toBe(text);
          },
        ),
        { numRuns: runs },
      );
      expect(understood, 'records that still had a key').toBeGreaterThan(runs / 4);
    });
  },
);

function keyOf(registered: Registered, record: unknown): string | undefined {
  try {
    return registered.stream.key(record);
  } catch {
    return undefined;
  }
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      // The order of a detection's states says which was first.
      .map(([name, content]) => [name, name === 'ArtifactsOfInterest' ? content : reversed(content)] as const)
      .reverse(),
  );
}

interface Damage {
  /** Which of the record's members, counted through its whole depth. */
  at: number;
  how: string;
  value: unknown;
}

const planted = fc
  .constantFrom(
    '--password S',
    '-p S',
    'https://a:S@h/x',
    'Authorization: Bearer S',
    'token=S',
    '"password":"S"',
    'x --secret=S y',
  )
  .map((form) => form.replace('S', 'PLANTED-SECRET-1'));
const anything = fc.oneof(
  fc.constantFrom(
    null,
    '',
    ' ',
    0,
    -1,
    1.5,
    1e300,
    true,
    false,
    [],
    {},
    [[]],
    [{}],
    [null],
    '0001-01-01T00:00:00',
    '1970-01-01T00:00:00Z',
  ),
  fc.constantFrom(
    '2026-02-30T10:00:00Z',
    '10.0.0.1.2',
    'fe80::1%eth0',
    '9999-12-31T23:59:59.999-23:00',
    '/Date(1)/',
    '\ud800',
    'a\0b',
    '__proto__',
  ),
  fc.constantFrom(
    '資料',
    'مرحبا',
    ' padded ',
    '{"a":',
    '{"SignatureStatus":{"a":1}}',
    'x'.repeat(50_000),
    2 ** 60,
    12345678901,
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
  planted,
);
/** Scripts without case, from right to left, with joined characters, with marks that turn the direction. */
const FOREIGN = [
  '資料の検索',
  'مرحبا بالعالم',
  'Δημήτρης',
  'ПК-бухгалтера',
  'हिन्दी',
  '👩‍👩‍👧‍👦',
  '\u202egpj.exe',
  'İstanbul',
  'e\u0301',
] as const;
const foreignAt = (at: number): string => FOREIGN[at % FOREIGN.length] as string;

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(400),
  how: fc.constantFrom(
    'remove',
    'replace',
    'replace',
    'replace',
    'replace',
    'upper',
    'lower',
    'pad',
    'wrap',
    'many',
    'add',
    'text',
    'proto',
    'mixed',
    'null',
    'foreign',
    'foreign-name',
    'enormous',
  ),
  value: anything,
});

/** `hOsTnAmE` */
function mixedCase(name: string): string {
  return [...name].map((letter, at) => (at % 2 === 0 ? letter.toLowerCase() : letter.toUpperCase())).join('');
}

/** The same content, but far more of it than a vendor would send: as a text, a list, an object, or deep inside itself. */
function enormous(content: unknown, at: number): unknown {
  const isUsable = typeof content === 'string' && content !== '' && content.length < 1000;
  const written = isUsable ? content : foreignAt(at);
  if (at % 4 === 0) return `${written} `.repeat(Math.ceil(40_000 / (written.length + 1)));
  if (at % 4 === 1) return Array.from({ length: 1000 }, (_item, index) => `${written}${index}`);
  if (at % 4 === 2)
    return Object.fromEntries(Array.from({ length: 300 }, (_item, index) => [`Member${index}`, written]));
  let nested = content;
  for (let depth = 0; depth < 120; depth++) nested = depth % 2 === 0 ? { Deep: nested } : [nested];
  return nested;
}

/** Quoted once is what vendors do; a bare text quoted twice would only make a secret in it unrecognisable. */
function isQuoted(content: unknown): boolean {
  return typeof content === 'string' && content.startsWith('"\\');
}

interface SecretPlace {
  at: number;
  member: number;
  spelling: 'lower' | 'upper' | 'mixed';
}
const secretPlace: fc.Arbitrary<SecretPlace> = fc.record({
  at: fc.nat(400),
  member: fc.nat(20),
  spelling: fc.constantFrom('lower', 'upper', 'mixed'),
});

/** A member that opens doors, in any object of the record. Last of all: damage must not make it unrecognisable. */
function planting(record: unknown, secrets: readonly string[], { at, member, spelling }: SecretPlace): unknown {
  const objects: Record<string, unknown>[] = [];
  const collect = (item: unknown, depth: number): void => {
    if (typeof item !== 'object' || item === null || objects.length > 1000 || depth > 100) return;
    if (!Array.isArray(item)) objects.push(item as Record<string, unknown>);
    for (const content of Object.values(item)) collect(content, depth + 1);
  };
  collect(record, 0);
  const owner = objects[at % Math.max(objects.length, 1)];
  const name = secrets[member % Math.max(secrets.length, 1)];
  if (owner === undefined || name === undefined) return record;
  const written = spelling === 'mixed' ? mixedCase(name) : spelling === 'upper' ? name.toUpperCase() : name;
  owner[written] = member % 2 === 0 ? 'PLANTED-SECRET-2' : { inside: ['PLANTED-SECRET-3'] };
  return record;
}

/** The record with one damage done to it. */
function applied(record: unknown, { at, how, value }: Damage): unknown {
  const places: [Record<string, unknown>, string][] = [];
  const collect = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    for (const [name, content] of Object.entries(item)) {
      if (places.length > 1000) return;
      places.push([item as Record<string, unknown>, name]);
      collect(content);
    }
  };
  collect(record);
  const place = places[at % Math.max(places.length, 1)];
  if (place === undefined) return record;
  const [owner, name] = place;
  const content = owner[name];
  const own = (member: string, content: unknown): void => {
    Object.defineProperty(owner, member, { value: content, enumerable: true, configurable: true, writable: true });
  };
  /** No JSON has an array with a named member. */
  const added = (member: string): void => {
    if (!Array.isArray(owner)) own(member, structuredClone(value));
  };
  const renamed = (to: string): void => {
    if (Array.isArray(owner)) return;
    delete owner[name];
    own(to, content);
  };
  if (how === 'remove') delete owner[name];
  else if (how === 'upper') renamed(name.toUpperCase());
  else if (how === 'lower') renamed(name.toLowerCase());
  else if (how === 'pad' && typeof content === 'string') owner[name] = `  ${content}\t`;
  else if (how === 'wrap') owner[name] = [content];
  else if (how === 'many') owner[name] = Array.from({ length: 300 }, () => structuredClone(value));
  else if (how === 'mixed') renamed(mixedCase(name));
  else if (how === 'null') owner[name] = null;
  else if (how === 'foreign') owner[name] = foreignAt(at);
  else if (how === 'foreign-name') added(foreignAt(at));
  else if (how === 'enormous') owner[name] = enormous(content, at);
  else if (how === 'text') owner[name] = isQuoted(content) ? content : (JSON.stringify(content) ?? '');
  else if (how === 'add') added(`Unheard${at}`);
  else if (how === 'proto') added('__proto__');
  else owner[name] = structuredClone(value);
  return Array.isArray(record) ? record : { ...(record as object) };
}
