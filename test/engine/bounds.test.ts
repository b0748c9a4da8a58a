/** Replies of any size and shape: the good record beside arrives, nothing stands still meanwhile, and what is refused says what to do. */
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { FOOTPRINTS } from '../../connectors/apex-central/shared/routes.ts';
import { runTask } from '../../connectors/apex-central/shared/task.ts';
import type { VendorRequest } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import { listedParents } from '../../src/reading/children.ts';
import { clientOf, contextOf } from './context.ts';
import { type Answer, fakeVendor } from './fake-vendor.ts';
import { documentOf, memorySink, openPipeline, scratch, testConfig } from './harness.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const MIB = 1024 * 1024;
const BELOW = 3.9 * MIB;
const many = (piece: string, bytes = BELOW): string => piece.repeat(Math.floor(bytes / piece.length));
const members = (count: number): string =>
  `{${Array.from({ length: count }, (_, index) => `"k${index}":${index}`).join(',')}}`;

/** For how long this thread computed without a break, at most: what others do on the machine does not count. */
function longestStall() {
  const now = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let last = now();
  let longest = 0;
  const tick = (): void => {
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  };
  const timer = setInterval(tick, 5);
  return {
    ms: () => longest,
    end() {
      tick();
      clearInterval(timer);
    },
  };
}

/** Runs everything that is due once; says what arrived, and for how long nothing else could run. */
async function run(answer: (path: string, query: URLSearchParams) => Answer | undefined, overrides = {}) {
  const vendor = await fakeVendor({ answer });
  const folder = scratch();
  const config = testConfig(vendor.url, folder.path, {
    http: { timeout: '20s' },
    retry: { deadline: '1s' },
    reading: { lookback: '30d', detail_patience: '0s', settle_attempts: 2, ...overrides },
  });
  const sink = memorySink();
  const opened = openPipeline(config, { sink });
  cleanUps.push(
    () => vendor.close(),
    folder.remove,
    () => opened.close(),
  );
  const schedule = config.sources[0]?.reading as NonNullable<(typeof config.sources)[0]>['reading'];
  const stall = longestStall();
  const signal = new AbortController().signal;
  const error = await runPipeline(opened.pipeline, { schedule, store: opened.store, signal, once: true }).then(
    () => undefined,
    (caught: unknown) => caught as Error,
  );
  stall.end();
  return { documents: sink.documents.map(documentOf), error, stallMs: stall.ms(), opened, vendor };
}

const at = new Date(Date.now() - 3_600_000).toISOString();
const detection = (id: string) => ({ Id: id, Status: 'New', Severity: 'Low', OccurrenceTime: at, ReceivedTime: at });
const listOf = (items: object[]) => ({
  body: { page_number: 1, page_size: 200, total_pages: 1, total_number_of_items: items.length, page_items: items },
});
const withMember = (name: string, json: string): Answer => ({
  body: JSON.stringify({ ...detection('bad'), [name]: '@@' }).replace('"@@"', () => json),
});

const LARGE: [string, string, string][] = [
  ['240,000 members', 'ArtifactsOfInterest', members(240_000)],
  ['240,000 members where a text should be', 'Comment', members(240_000)],
  ['a list of empty objects', 'Device', `[${many('{},')}{}]`],
  ['a list of small objects', 'Responses', `[${many('{"a":1},')}{}]`],
  ['brackets', 'Context', many('[', BELOW / 2) + many(']', BELOW / 2)],
  ['what looks like tokens', 'CommandLine', JSON.stringify(many('eyJaaaaaa-'))],
  ['a command line', 'CommandLine', JSON.stringify(many('cmd /c "x" --password '))],
  ['JSON in a text', 'Comment', JSON.stringify(`{"password":[${many('1,', BELOW / 2)}1]}`)],
];

const LONGEST_STALL_MS = 1000;

describe('a detail', () => {
  // Beside other work on its core a thread takes longer for the same, by its own time, too: then it is measured once more.
  test.each(LARGE)('of %s is shipped, and nothing stands still', { retry: 2 }, async (_what, name, json) => {
    const { documents, stallMs, error } = await run((path) => {
      if (path === '/detections/v2') return listOf([detection('bad'), detection('good')]);
      if (path === '/detections/v2/bad/details') return withMember(name, json);
      return path === '/detections/v2/good/details' ? { body: detection('good') } : undefined;
    });
    expect(error).toBeUndefined();
    expect(documents.map(({ event }) => event.id).sort()).toEqual(['bad', 'good']);
    expect(stallMs).toBeLessThan(LONGEST_STALL_MS);
  });

  test.each([
    ['a million members', 'ArtifactsOfInterest', () => members(1_000_000)],
    ['a command line of 10 MB', 'CommandLine', () => JSON.stringify('x -p '.repeat(2_000_000))],
  ])('of %s is refused, and its record is shipped as the list has it', async (_what, name, json) => {
    const { documents, stallMs } = await run((path) => {
      if (path === '/detections/v2') return listOf([detection('bad'), detection('good')]);
      if (path === '/detections/v2/bad/details') return withMember(name, json());
      return path === '/detections/v2/good/details' ? { body: detection('good') } : undefined;
    });
    const tags = Object.fromEntries(documents.map(({ event, tags: said }) => [event.id, said]));
    expect(tags).toEqual({ bad: expect.arrayContaining(['detail_missing']), good: undefined });
    expect(stallMs).toBeLessThan(LONGEST_STALL_MS);
  });
});

describe('a list', () => {
  const paged = (items: string[]) => (path: string, query: URLSearchParams) => {
    if (path !== '/detections/v2') return undefined;
    const [page, size] = [Number(query.get('page')), Number(query.get('page_size'))];
    const part = items.slice((page - 1) * size, page * size);
    if (part.length === 0 && page > 1) return { status: 404, body: {} };
    const about = `"page_number":${page},"page_size":${size},"total_number_of_items":${items.length}`;
    return { body: `{${about},"page_items":[${part.join(',')}]}` };
  };
  const large = (id: string, bytes: number) => JSON.stringify({ ...detection(id), Comment: 'x'.repeat(bytes) });

  test('of many large records is read in smaller pages', async () => {
    const items = Array.from({ length: 30 }, (_, index) => large(`d${index}`, 400_000));
    const { documents, error } = await run(paged(items), { details: false });
    expect(error).toBeUndefined();
    expect(documents).toHaveLength(30);
  });

  test.each([0, 3, 7])(
    'with a record beyond the bound at place %s lacks that one alone, and says so',
    async (place) => {
      const items = Array.from({ length: 8 }, (_, index) => large(`d${index}`, index === place ? 5 * MIB : 1000));
      const { documents, opened } = await run(paged(items), { details: false });
      expect(documents).toHaveLength(7);
      expect(new Set(opened.pipeline.state.gaps().map(({ kind }) => kind))).toEqual(new Set(['unreadable']));
    },
  );

  test('of one record beyond the bound is a gap, and not the end', async () => {
    const { documents, opened, error } = await run(paged([large('d0', 5 * MIB)]), { details: false });
    expect([documents, error]).toEqual([[], undefined]);
    expect(new Set(opened.pipeline.state.gaps().map(({ kind }) => kind))).toEqual(new Set(['unreadable']));
  });

  test('that is too large in however small parts says what to do', async () => {
    const body = `{"page_items":[],"x":"${'x'.repeat(5 * MIB)}"}`;
    const { error, vendor } = await run((path) => (path === '/detections/v2' ? { body } : undefined), {
      details: false,
    });
    expect(error).toMatchObject({ isTooLarge: true, advice: expect.stringContaining('http.max_body') });
    expect(vendor.asked.length).toBeLessThan(60);
  });

  test('without an end is given up', async () => {
    const list = async ({ page, pageSize }: { page: number; pageSize: number }) => ({
      records: Array.from({ length: pageSize }, (_, index) => ({ id: `${page}-${index}` })),
      total: 1e9,
      pageSize,
    });
    const key = (record: unknown) => (record as { id: string }).id;
    const toChild = (id: string) => ({ key: id, version: '', complete: true, expectsRecords: false, facts: {} });
    const context = contextOf({ settings: { pageSize: 1000, settleAttempts: 2 }, log: pino({ level: 'silent' }) });
    await expect(listedParents(context, { lists: [list], key }, toChild)).rejects.toMatchObject({
      action: 'retry',
      message: expect.stringContaining('a list has no end: 250001'),
    });
  });
});

describe('a task of Apex Central', () => {
  const endless = (content: (part: number) => object[], bytes: number) => {
    let asked = 0;
    const json = async ({ accept }: VendorRequest<unknown>) => {
      asked++;
      const data = { taskId: 't', hasMore: true, lastContentId: `{"n":${asked}}`, content: content(asked) };
      return accept({ Data: { Code: 0, Data: data } }, bytes);
    };
    const context = contextOf({ client: clientOf({ json }), settings: { taskPollMs: 1, taskDeadlineMs: 600_000 } });
    return { context, asked: () => asked };
  };
  const entry = (text: string) => ({ statusCode: 0, content: { footprint: [{ objectId: text }] } });

  test.each([
    ['parts', 1, 100, 2001],
    ['entries', 5000, 1000, 41],
    ['bytes', 1, 3 * MIB, 6],
  ])('without an end is refused by its %s', async (what, entries, bytes, most) => {
    const content = (part: number) => Array.from({ length: entries }, (_, index) => entry(`${part}-${index}`));
    const { context, asked } = endless(content, bytes);
    await expect(runTask(context, FOOTPRINTS, {})).rejects.toMatchObject({
      action: 'reject',
      message: expect.stringMatching(`brings more than \\d+ ${what}`),
    });
    expect(asked()).toBeLessThanOrEqual(most);
  });

  test('whose part is too large is asked for fewer records at once', async () => {
    const sizes: unknown[] = [];
    const json = async ({ body, accept }: VendorRequest<unknown>) => {
      const topN = body?.TopN;
      sizes.push(topN);
      if (typeof topN === 'number' && topN > 100)
        throw new SluiceError('too large', { action: 'reject', isTooLarge: true });
      const isFirst = topN === undefined;
      const content = isFirst ? [] : [entry('1')];
      const place = isFirst ? '' : '[{"totalProgress": 1, "currentProgress": 1}]';
      return accept({ Data: { Code: 0, Data: { taskId: 't', hasMore: isFirst, lastContentId: place, content } } });
    };
    const context = contextOf({ client: clientOf({ json }), settings: { taskPollMs: 1, taskDeadlineMs: 5000 } });
    expect((await runTask(context, FOOTPRINTS, {}).catch((e) => e)).content).toHaveLength(1);
    expect(sizes).toEqual([undefined, 1000, 250, 62]);
  });
});
