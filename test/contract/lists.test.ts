/** No list is cut silently: whatever part of a record is long, all of it is in the document, or tag and count say that it is not. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { MOST_ITEMS } from '../../mappings/ecs.ts';
import { CONTENT_IS_CUT } from '../../mappings/ecs-document.ts';
import type { EcsDocument } from '../../src/api/document.ts';
import type { Registered } from '../../src/api/stream.ts';
import { mapped, recordsOf, SOURCE } from '../fixtures/documents.ts';

type Path = readonly string[];

/** Where a record has lists, and objects that are used as such, at any depth. */
function placesIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const parts = Object.values(value);
  const isList = Array.isArray(value) || (parts.length > 0 && parts.every((one) => typeof one === 'object' && one));
  const inner = Object.entries(value).flatMap(([name, one]) => placesIn(one, [...path, name]));
  return path.length > 0 && isList ? [path, ...inner] : inner;
}

/** What opens a door is left out: a text in these lists is the address of a package. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'cylance.package_execution packageExecutions',
  'cylance.package_execution packageExecutions.[]',
]);

/** The record with so many in place of what stands there, each told by a mark of its own, and with a string wherever that is possible. */
function lengthened(record: unknown, path: Path, length: number): unknown {
  const [name, ...rest] = path;
  if (name !== undefined) {
    const owner = record as Record<string, unknown>;
    const changed = lengthened(owner[name], rest, length);
    return Array.isArray(record) ? record.with(Number(name), changed) : { ...owner, [name]: changed };
  }
  const numbers = Array.from({ length }, (_, n) => n);
  if (Array.isArray(record)) return numbers.map((n) => marked(record[0] ?? 'item', n));
  const [like] = Object.values(record as object);
  return Object.fromEntries(numbers.map((n) => [`Member${n}_`, marked(like ?? 'value', n)]));
}

const MARK = /«(\d+)»/g;

function marked(value: unknown, n: number): unknown {
  if (Array.isArray(value)) return [...value.map((one) => marked(one, n)), `«${n}»`];
  if (typeof value !== 'object' || value === null) return `${String(value)}«${n}»`;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, marked(one, n)]));
}

function marksIn(value: unknown): number {
  return new Set([...(JSON.stringify(value) ?? '').matchAll(MARK)].map(([, n]) => n)).size;
}

function ownOf({ stream }: Registered, document: EcsDocument): { unfit?: Record<string, string> } {
  const [vendor = '', resource = ''] = stream.name.split('.');
  return (document[vendor] as Record<string, object> | undefined)?.[resource] ?? {};
}

describe.each(streams.map((one) => [one.stream.name, one] as const))('%s', (_name, registered) => {
  /** Each once, whatever the position in lists above it. */
  const places = new Map<string, { record: unknown; path: Path }>();
  for (const record of recordsOf(registered))
    for (const path of placesIn(record)) {
      const name = path.map((step) => (/^\d+$/.test(step) ? '[]' : step)).join('.');
      if (!LEFT_OUT.has(`${registered.stream.name} ${name}`) && !places.has(name)) places.set(name, { record, path });
    }

  if (places.size === 0) test('its records have no lists', () => {});

  test.each([...places])('%s', (_place, { record, path }) => {
    for (const length of [MOST_ITEMS - 50, 2.5 * MOST_ITEMS]) {
      const long = lengthened(record, path, length);
      if (keyOf(registered, long) === undefined) continue;
      const source = { ...SOURCE, connector: registered.connector.name };
      const document = mapped(registered, long, source);
      const told = Object.entries(ownOf(registered, document).unfit ?? {}).filter(([name]) => name.endsWith('.cut'));
      const isTagged = (document.tags as string[] | undefined)?.includes(CONTENT_IS_CUT) === true;
      expect(isTagged).toBe(told.length > 0);
      for (const [, text] of told) expect(text).toMatch(/^\d+ of \d+( characters)?$/);
      if (!isTagged) expect(marksIn(document)).toBe(marksIn(long));
    }
  });
});

function keyOf({ stream }: Registered, record: unknown): string | undefined {
  try {
    return stream.key(record);
  } catch {
    return undefined;
  }
}
