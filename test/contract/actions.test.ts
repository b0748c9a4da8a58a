/** Every `event.action` of every stream, as a change at the vendor brings it about: read, compared, mapped and shipped by the engine. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import type { LongRequest, VendorRequest } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Registered, Stream } from '../../src/api/stream.ts';
import type { Walk } from '../../src/api/walk.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { clientOf } from '../engine/context.ts';
import { documentOf, type MemorySink, memorySink, openPipeline, scratch, testConfig } from '../engine/harness.ts';
import type { Actions, After, Answers } from '../fixtures/actions.ts';
import { folderOf } from '../fixtures/documents.ts';

const never = new AbortController().signal;
const MINUTE = 60_000;
const YEAR = 366 * 24 * 60 * MINUTE;
const NOW = Date.UTC(2026, 4, 4, 9);
const FIXTURES = join(import.meta.dirname, '..', 'fixtures');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What the registry lets the engine say of a later revision. */
function actionsOf({ changes, actions }: Stream): string[] {
  const named = [...changes.map(({ action }) => action), ...Object.values(actions)];
  return [...new Set(named)].sort();
}

/** What the mapping itself says, as far as its expected documents show. */
function firstActionsOf({ stream }: Registered): string[] {
  const folder = join(FIXTURES, folderOf(stream.name));
  const documents = globSync('*.expected.json', { cwd: folder }).map((file) =>
    readFileSync(join(folder, file), 'utf8'),
  );
  const actions = documents.map((text) => (JSON.parse(text) as { event: { action?: string } }).event.action);
  return [...new Set(actions.filter((action) => action !== undefined))].sort();
}

async function dataOf({ stream }: Registered): Promise<Actions> {
  const file = join(FIXTURES, folderOf(stream.name), 'actions.ts');
  if (!existsSync(file)) throw new Error(`${stream.name} has no ${file}, which says what its actions are`);
  return ((await import(/* @vite-ignore */ pathToFileURL(file).href)) as { actions: Actions }).actions;
}

describe.each(streams.map((one) => [one.stream.name, one] as const))('%s', async (_name, registered) => {
  const { before, after, first = {} } = await dataOf(registered);

  test('says of each of its actions what it is', () => {
    const { stream } = registered;
    expect(Object.keys(after).sort()).toEqual(actionsOf(stream));
    expect(stream.actions.deleted !== undefined).toBe(stream.tombstone !== undefined);
    expect(Object.keys(first).sort()).toEqual(firstActionsOf(registered));
  });

  test.each(Object.entries(first))('%s', async (action, [answers, field, value]) => {
    const { sink, look } = tenant(registered, answers);
    await look();
    const [document] = sink.documents.map(documentOf);
    expect(document?.event.action).toBe(action);
    expect(at(document, field)).toEqual(value);
  });

  const changes = Object.entries(after).flatMap(([action, one]) =>
    severalOf(one).map((each) => [action, ...each] as const),
  );
  test.each(changes)('%s', async (action, answers, field, value) => {
    const { vendor, sink, look } = tenant(registered, before);
    await look();
    await look();
    const known = sink.documents.length;
    vendor.answers = answers;
    for (let again = 0; again < 4; again++) await look();
    const later = sink.documents.slice(known);
    expect(later.map((one) => documentOf(one).event)).toMatchObject([{ action, sequence: 2 }]);
    const [changed] = later;
    const original = sink.documents.find(({ key }) => key === changed?.key);
    const [was, is] = [original, changed].map((one) => documentOf(one as (typeof later)[number]));
    expect(was?.event).toMatchObject({ sequence: 1 });
    expect(was?.event.action).toBe(Object.keys(first)[0]);
    expect(at(was, field)).not.toEqual(value);
    expect(at(is, field)).toEqual(value);
    for (const one of [was, is]) expect(one?.event.kind).not.toBe('pipeline_error');
  });
});

function severalOf(one: Actions['after'][string]): readonly After[] {
  return Array.isArray(one[0]) ? (one as readonly After[]) : [one as After];
}

function at(document: unknown, field: string): unknown {
  return field.split('.').reduce((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], document);
}

interface Tenant {
  vendor: { answers: Answers };
  sink: MemorySink;
  /** A look at everything and the refresh of what is due then, a quarter of an hour later. */
  look(): Promise<void>;
}

function tenant({ stream, connector }: Registered, before: Answers): Tenant {
  const place = scratch();
  cleanups.push(place.remove);
  const sink = memorySink();
  const clock = { ms: NOW };
  const reading = { snapshot: '5m', child_repeat: '10m', detail_refresh: ['10m'] };
  const source = { connector: connector.name, streams: [stream.name] };
  const config = testConfig('http://127.0.0.1:1', place.path, { source, reading });
  const { pipeline, close } = openPipeline(config, { sink, now: () => clock.ms });
  cleanups.push(close);
  const vendor = { answers: before };
  pipeline.client = clientOf({
    json: async (request: VendorRequest) => request.accept(replyTo(request, vendor.answers, stream)),
    async *parts(request: LongRequest) {
      const reply = replyTo(request, vendor.answers, stream) as Record<string, unknown>;
      const { [request.member]: items, ...rest } = reply;
      request.begin({});
      yield items;
      request.accept(rest);
    },
  });
  const look = async () => {
    clock.ms += 15 * MINUTE;
    const range = { fromMs: NOW - YEAR, toMs: clock.ms };
    for (const kind of ['live', 'refresh'] as const) await runWalk(pipeline, { id: kind, kind, range } as Walk, never);
  };
  return { vendor, sink, look };
}

function replyTo({ path, query = {}, body }: VendorRequest | LongRequest, answers: Answers, stream: Stream): unknown {
  const reply = structuredClone(answers[typeof body?.Url === 'string' ? body.Url : path]);
  if (reply === undefined) throw new SluiceError(`404: ${path}`, { action: 'skip' });
  if (!Array.isArray(reply)) return reply;
  const [fromMs = 0, toMs = 0] = [query.start, query.end].map((bound) => Date.parse(String(bound)));
  const isWithin = (timeMs = fromMs) => !(timeMs < fromMs) && !(timeMs > toMs);
  const listed = stream.mode === 'windows' ? reply.filter((record) => isWithin(stream.timeMs(record))) : reply;
  return {
    page_number: 1,
    page_size: 200,
    total_number_of_items: listed.length,
    page_items: query.page === 1 ? listed : [],
  };
}
