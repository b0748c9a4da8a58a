/**
 * Every name in `members/` is read alike by the stream (key, time, state, changes, tombstone) and by the mapping, however
 * it is spelled: a record under other names is the same record.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import { digestOf, revisionOf } from '../../src/api/records/identity.ts';
import { foldedName, meaningsIn, memberOf, spellingsOf, type Table } from '../../src/api/records/members.ts';
import { withoutSecrets } from '../../src/api/records/secrets.ts';
import type { Registered } from '../../src/api/stream.ts';
import { type Fixture, folderOf, SOURCE } from '../fixtures/documents.ts';

type Fields = Record<string, unknown>;

/** A table describes the objects of the member that it is named after, `members` the record; these stand elsewhere. */
const PLACES: Readonly<Record<string, readonly string[][]>> = {
  members: [[]],
  around: [['Entry'], ['Result']],
  observed: [['Entry', 'Result'], ['Entry'], ['Result']],
};

/** Members whose table describes the items of a list. */
const LISTS: ReadonlySet<string> = new Set(['OperatingSystems']);

/** What is shown as it came, or hashed letter by letter into the key: there, another name is another content. */
const LETTER_BY_LETTER: Readonly<Record<string, readonly string[]>> = {
  'cylance.instaquery_result': ['Result'],
  'cylance.focus_view_result': ['around', 'observed'],
};

const root = join(import.meta.dirname, '..', '..');

async function tablesOf(folder: string): Promise<Record<string, Table>> {
  const file = pathToFileURL(join(root, 'members', `${folder}.ts`)).href;
  return { ...((await import(/* @vite-ignore */ file)) as Record<string, Table>) };
}

function recordsOf(folder: string): Fields[] {
  const fixtures = join(root, 'test', 'fixtures', folder);
  const files = readdirSync(fixtures).filter((file) => file.endsWith('.input.json'));
  return files.map((file) => (JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as Fixture).record as Fields);
}

/** Every way to write a name that means the same: as it is, in other cases, with and without separators. */
function waysToWrite(spelling: string): string[] {
  const words = spelling.replace(/([a-z])([A-Z])/g, '$1_$2');
  const bare = spelling.replace(/[_-]/g, '');
  const ways = [spelling, spelling.toUpperCase(), words.toLowerCase(), words.replaceAll('_', '-'), bare];
  return [...new Set([...ways, bare.charAt(0).toUpperCase() + bare.slice(1)])];
}

/** A copy of a record whose objects at a place are changed; undefined where there are none. */
function changedAt(
  value: unknown,
  path: readonly string[],
  change: (object: Fields) => Fields,
  isList = false,
): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) {
    if (path.length > 0 || !isList) return undefined;
    const items = value.map((item) => changedAt(item, [], change));
    return items.length > 0 && items.every((item) => item !== undefined) ? items : undefined;
  }
  const [step, ...rest] = path;
  if (step === undefined) return change(value as Fields);
  const name = Object.keys(value).find((own) => foldedName(own) === foldedName(step));
  const inner = name === undefined ? undefined : changedAt((value as Fields)[name], rest, change, LISTS.has(name));
  return name === undefined || inner === undefined ? undefined : { ...value, [name]: inner };
}

/** The objects under one name instead of whichever they have; `added` where they have none. */
function calling(table: Table, name: string, written: string, added?: unknown): (object: Fields) => Fields {
  const meaning = meaningsIn(table);
  return (object) => {
    const rest = Object.entries(object);
    if (added !== undefined) return Object.fromEntries([...rest, [written, added]]);
    return Object.fromEntries(rest.map(([own, value]) => [meaning(own)?.name === name ? written : own, value]));
  };
}

function attempt<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}

/** All that is made of a record, apart from what shows it as it came. */
function readingOf({ stream, connector, mapping }: Registered, record: unknown, isRaw: boolean) {
  const clean = withoutSecrets(record, stream.secrets);
  const document = attempt(() => mapping(clean, { ...SOURCE, connector: connector.name })) as EcsDocument;
  delete (document.event as Fields | undefined)?.original;
  const own = (document as Record<string, Record<string, Fields> | undefined>)[connector.name];
  if (isRaw) delete own?.[stream.name.slice(connector.name.length + 1)]?.content;
  return {
    key: isRaw ? undefined : attempt(() => stream.key(clean)),
    timeMs: attempt(() => stream.timeMs(clean)),
    arrivedMs: attempt(() => stream.arrivedMs?.(clean)),
    isOpen: attempt(() => stream.isOpen(clean)),
    changes: stream.changes.map(({ action, of }) => [action, attempt(() => digestOf(of(clean)))]),
    document,
  };
}

const places = streams.map((registered) => [registered.stream.name, registered] as const);

describe.each(places)('%s', async (streamName, registered) => {
  const { stream } = registered;
  const tables = await tablesOf(folderOf(streamName));
  const records = recordsOf(folderOf(streamName));
  const ignored = new Set(stream.ignored);

  describe.each(Object.keys(tables))('%s', (title) => {
    const table = tables[title] as Table;
    const isRaw = LETTER_BY_LETTER[streamName]?.includes(title) ?? false;

    it('has no name that another one already is', () => {
      const folded = Object.keys(table).flatMap((name) => spellingsOf(table, name).map(foldedName));
      expect(folded).toEqual([...new Set(folded)]);
    });

    it.each(Object.keys(table))('%s is one member under all its names', (name) => {
      let met = 0;
      const check = (record: Fields, path: readonly string[], added?: unknown): void => {
        const as = (written: string) => changedAt(record, path, calling(table, name, written, added));
        const usual = as(name);
        if (usual === undefined) return;
        const expected = readingOf(registered, usual, isRaw);
        for (const spelling of spellingsOf(table, name)) {
          for (const written of waysToWrite(spelling)) {
            const other = as(written);
            expect(readingOf(registered, other, isRaw), `${name} as ${written}`).toEqual(expected);
            if (foldedName(written) === foldedName(name))
              expect(revisionOf(other, ignored), written).toBe(revisionOf(usual, ignored));
          }
        }
        met++;
      };
      for (const path of PLACES[title] ?? [[title]]) {
        const named = (record: Fields, count: number) => {
          let found = 0;
          const isNamed = (own: string) => meaningsIn(table)(own)?.name === name;
          changedAt(record, path, (object) => {
            found = Math.max(found, Object.keys(object).filter(isNamed).length);
            return object;
          });
          return found === count;
        };
        const isThere = records.some((record) => changedAt(record, path, (object) => object) !== undefined);
        const place = isThere ? records : [{ ...records[0], [path[0] ?? '']: {} }];
        const having = place.filter((record) => named(record, 1));
        for (const record of having) check(record, path);
        const without = place.find((record) => named(record, 0));
        if (having.length === 0 && without !== undefined)
          for (const value of ['x', true, 7]) check(without, path, value);
      }
      expect(met, 'records that have it').toBeGreaterThan(0);
    });
  });

  it('is ignored and secret under all its names, or under none', () => {
    const folded = new Set(stream.ignored.map(foldedName));
    for (const name of Object.keys(tables.members as Table)) {
      const spellings = spellingsOf(tables.members as Table, name);
      const counts = spellings.map((spelling) => folded.has(foldedName(spelling)));
      expect(new Set(counts).size, `${name} is ignored`).toBe(1);
      const ways = spellings.flatMap(waysToWrite);
      const kept = ways.map((written) => written in withoutSecrets({ [written]: 1 } as Fields, stream.secrets));
      expect(new Set(kept).size, `${name} is secret`).toBe(1);
    }
  });

  it('tells a deletion in words of the table', () => {
    const key = attempt(() => stream.key(records.find((record) => attempt(() => stream.key(record)) !== undefined)));
    const tombstone = stream.tombstone?.(key, 1);
    if (tombstone === undefined) return;
    const known = Object.keys(tombstone as Fields).filter((name) => meaningsIn(tables.members as Table)(name) === null);
    expect(known).toEqual([]);
    expect(stream.key(tombstone)).toBe(key);
  });
});

describe('a member', () => {
  const table = { Id: ['Key'], file_path: [] } satisfies Table;

  it('is found under the first name that says something', () => {
    expect(memberOf(table, { KEY: 3, Key: 2, Id: 1 }, 'Id')).toBe(1);
    expect(memberOf(table, { KEY: 3, Key: 2, Id: null }, 'Id')).toBe(2);
    expect(memberOf(table, { KEY: 3, id: 4 }, 'Id')).toBe(4);
    for (const both of [
      { ID: 3, id: 4 },
      { id: 4, ID: 3 },
    ])
      expect(memberOf(table, both, 'Id')).toBe(3);
    expect(memberOf(table, { 'File-Path': 'x' }, 'file_path')).toBe('x');
  });

  it('that says nothing is what it is, and one of no record is none', () => {
    expect(memberOf(table, { Id: null, Key: '' }, 'Id')).toBe(null);
    expect(memberOf(table, { key: '' }, 'Id')).toBe('');
    expect(memberOf(table, {}, 'Id')).toBe(undefined);
    for (const none of [null, undefined, 'Id', 1, [1]]) expect(memberOf(table, none, 'Id')).toBe(undefined);
  });
});
