/** An output folder is its state's alone, and nothing in it is followed elsewhere. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Json } from '../../src/api/document.ts';
import type { OutDocument, Sink } from '../../src/api/sink.ts';
import { openNdjson } from '../../src/sinks/ndjson/index.ts';
import { contractDocument } from '../contract/sink.ts';
import { scratch } from '../engine/harness.ts';

const MINE = { state: 'a'.repeat(32), path: '/states/mine', adopt: false };
const OTHERS = { state: 'b'.repeat(32), path: '/states/others', adopt: false };
const PIPELINE = 'acme/x.y/files';
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const signal = new AbortController().signal;
const umask = process.umask();

let folder: ReturnType<typeof scratch>;
let out: string;
const sinks: Sink[] = [];
const said: string[] = [];
beforeEach(() => {
  folder = scratch();
  out = join(folder.path, 'out');
  said.splice(0);
});
afterEach(async () => {
  vi.useRealTimers();
  process.umask(umask);
  for (const sink of sinks.splice(0)) await sink.close().catch(() => {});
  folder.remove();
});

const inStream = (name = '') => join(out, 'acme', 'x.y', name);
const segments = () =>
  readdirSync(inStream())
    .filter((name) => !name.startsWith('.'))
    .sort();
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

/** The state's part: what is committed. */
class Walks {
  receipts = new Map<string, Json>();
  numbers = new Map<string, number>();
}

interface Opening {
  owner?: typeof MINE;
  group?: number;
  rotateBytes?: number;
  rotateMs?: number;
  compression?: 'none' | 'gzip';
}

async function open(walks: Walks, { owner = MINE, ...more }: Opening = {}): Promise<Sink> {
  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const settings = { path: out, compression: 'none' as const, rotateBytes: 1e6, rotateMs: 1e9, ...more };
  const sink = openNdjson(settings, { log, now: Date.now, owner });
  sinks.push(sink);
  await sink.recover(PIPELINE, [], walks.receipts);
  return sink;
}

async function write(sink: Sink, walks: Walks, ids: string[], { walk = 'live', commits = true } = {}): Promise<void> {
  const documents: OutDocument[] = ids.map((id) => contractDocument(id));
  const number = (walks.numbers.get(walk) ?? 0) + 1;
  const { receipt } = await sink.write({ pipeline: PIPELINE, walk, number, documents }, signal);
  walks.numbers.set(walk, number);
  if (commits) walks.receipts.set(walk, receipt);
  else sink.outcomeUnknown?.(PIPELINE, walk);
}

async function end(sink: Sink): Promise<void> {
  sinks.splice(sinks.indexOf(sink), 1);
  await sink.close();
}

/** As the system leaves it when the process dies: locks are let go, nothing is finished. */
async function die(sink: Sink, walks: Walks): Promise<void> {
  for (const walk of walks.receipts.keys()) sink.outcomeUnknown?.(PIPELINE, walk);
  await end(sink);
}

/** Of files that readers read. */
function ids(): string[] {
  const files = segments().filter((name) => /\.ndjson(\.part)?$/.test(name));
  const lines = files.flatMap((name) => readFileSync(inStream(name), 'utf8').split('\n').filter(Boolean));
  return lines.map((line) => (JSON.parse(line) as { event: { id: string } }).event.id).sort();
}

async function refused(walks: Walks, opening: Opening = {}): Promise<{ message: string; advice: string }> {
  const before = existsSync(inStream()) ? segments() : undefined;
  const error = await open(walks, opening).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(existsSync(inStream()) ? segments() : undefined).toEqual(before);
  expect(error).toMatchObject({ action: 'stop', advice: expect.any(String) });
  return error as { message: string; advice: string };
}

describe('made for its user alone', () => {
  test.each([0o000, 0o077])('whatever the umask is (%o)', async (mask) => {
    process.umask(mask);
    const walks = new Walks();
    const sink = await open(walks, { rotateBytes: 1 });
    await write(sink, walks, ['a']);
    await write(sink, walks, ['b']);
    await write(sink, walks, ['c'], { commits: false });
    await end(sink);
    await end(await open(walks));
    expect(segments()).toEqual(['live-000001.ndjson', 'live-000002.ndjson', 'live-000003.ndjson.uncommitted']);
    expect([...new Set(readdirSync(inStream()).map((name) => modeOf(inStream(name))))]).toEqual(['600']);
    expect([out, dirname(inStream()), inStream()].map(modeOf)).toEqual(['700', '700', '700']);
    expect(said).toEqual([]);
  });

  test.skipIf(!isRoot)('or a group reads', async () => {
    process.umask(0o077);
    const walks = new Walks();
    const sink = await open(walks, { group: 4711 });
    await write(sink, walks, ['a']);
    await end(sink);
    const { mode, gid } = statSync(inStream('live-000001.ndjson'));
    expect([mode & 0o777, gid]).toEqual([0o640, 4711]);
    expect([out, inStream()].map(modeOf)).toEqual(['2750', '2750']);
    expect(modeOf(inStream('.sluice-lock'))).toBe('600');
    await end(await open(walks, { group: 4711 }));
    expect(said).toEqual([]);
  });

  test('what others may read is said once, with what to type', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await end(sink);
    chmodSync(inStream('live-000001.ndjson'), 0o644);
    await end(await open(walks));
    expect(said).toEqual([
      expect.stringMatching(/^others may look into .*live-000001\.ndjson and perhaps into more: `chmod -R go= .*out`$/),
    ]);
    expect(modeOf(inStream('live-000001.ndjson'))).toBe('644'); // a collector may count on it
    const [written, open_] = await (await open(walks)).check(signal);
    expect([written?.ok, open_]).toMatchObject([true, undefined]);
  });

  test('a folder that others may write into is refused', async () => {
    for (const path of [out, join(out, 'acme'), inStream()]) {
      mkdirSync(inStream(), { recursive: true, mode: 0o700 });
      chmodSync(path, 0o777);
      const { message, advice } = await refused(new Walks());
      expect(message).toContain(`everybody may write into ${path} (mode 0777)`);
      expect(advice).toContain(`chmod go-w ${path}`);
      rmSync(out, { recursive: true });
    }
  });
});

describe('nothing is followed elsewhere', () => {
  const foreign = () => join(folder.path, 'foreign');
  const TEXT = 'what is not ours '.repeat(100);
  beforeEach(() => writeFileSync(foreign(), TEXT));
  afterEach(() => expect(readFileSync(foreign(), 'utf8')).toBe(TEXT));

  const strange: [name: string, put: (path: string) => void, says: RegExp][] = [
    ['a link', (path) => symlinkSync(foreign(), path), /live-000001\.ndjson\.part is a link/],
    ['a hard link', (path) => linkSync(foreign(), path), /live-000001\.ndjson\.part has another name as well/],
    ['a pipe', (path) => void execFileSync('mkfifo', [path]), /live-000001\.ndjson\.part is no file/],
  ];
  test.each(strange)('%s in the place of an open segment', async (_name, put, says) => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await die(sink, walks);
    rmSync(inStream('live-000001.ndjson.part'));
    put(inStream('live-000001.ndjson.part'));
    expect((await refused(walks)).message).toMatch(says);
    expect(lstatSync(inStream('live-000001.ndjson.part')).isFile()).toBe(says.source.includes('name'));
  });

  test.each(strange)('%s in the place of the segment that is being written', async (_name, put) => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    rmSync(inStream('live-000001.ndjson.part'));
    put(inStream('live-000001.ndjson.part'));
    await expect(write(sink, walks, ['b'])).rejects.toMatchObject({
      action: 'stop',
      message: expect.stringMatching(/removed, replaced or changed|\.part is a link/),
    });
  });

  test('a second name of the segment that is being written', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    linkSync(inStream('live-000001.ndjson.part'), join(folder.path, 'second'));
    await expect(write(sink, walks, ['b'])).rejects.toThrow(/removed, replaced or changed/);
  });

  test.each(['acme', join('acme', 'x.y')])('a link in the place of the folder %s', async (part) => {
    mkdirSync(dirname(join(out, part)), { recursive: true, mode: 0o700 });
    mkdirSync(join(folder.path, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(folder.path, 'elsewhere'), join(out, part));
    expect((await refused(new Walks())).message).toContain(`${join(out, part)} is a link`);
    expect(readdirSync(join(folder.path, 'elsewhere'))).toEqual([]);
  });

  test.each(['.sluice-lock', '.sluice-owner.json'])('a link in the place of %s', async (name) => {
    mkdirSync(inStream(), { recursive: true, mode: 0o700 });
    symlinkSync(foreign(), inStream(name));
    expect((await refused(new Walks())).message).toContain(`${name} is a link`);
  });

  test.skipIf(!isRoot)("another user's segment", async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await die(sink, walks);
    chownSync(inStream('live-000001.ndjson.part'), NOBODY, NOBODY);
    expect((await refused(walks)).message).toMatch(/belongs to nobody \(uid 65534\)/);
  });

  test('a finished segment is never replaced', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    writeFileSync(inStream('live-000001.ndjson'), 'of somebody\n');
    await expect(end(sink)).rejects.toThrow(/cannot get its name: there is .*live-000001\.ndjson already/);
    expect(readFileSync(inStream('live-000001.ndjson'), 'utf8')).toBe('of somebody\n');
  });
});

describe('it belongs to one state', () => {
  test('two at once: the second is told who has it', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    const { message, advice } = await refused(new Walks(), { owner: OTHERS });
    expect(message).toMatch(/the output folder .*x\.y is in use by process \d+/);
    expect(advice).toMatch(/a state and an output folder of its own/);
    await write(sink, walks, ['b']);
    await end(sink);
    expect(ids()).toEqual(['a', 'b']);
  });

  test("another state's is refused, and taken over on purpose: old segments stay, numbers go on", async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await end(sink);
    const { message, advice } = await refused(new Walks(), { owner: OTHERS });
    expect(message).toBe(
      `the output folder ${inStream()} belongs to another state: aaaaaaaaaaaa, which was in "/states/mine"`,
    );
    expect(advice).toMatch(/\/states\/others.*another `path` of the sink.*`sluice run --adopt`/);
    const theirs = new Walks();
    const second = await open(theirs, { owner: { ...OTHERS, adopt: true } });
    await write(second, theirs, ['b']);
    await end(second);
    expect(segments()).toEqual(['live-000001.ndjson', 'live-000002.ndjson']);
    await end(await open(theirs, { owner: OTHERS })); // once is enough
    expect((await refused(walks)).message).toMatch(/belongs to another state: bbbb/);
    // And back, with receipts that are old by now.
    const back = await open(walks, { owner: { ...MINE, adopt: true } });
    await write(back, walks, ['c']);
    await die(back, walks);
    const again = await open(walks);
    await write(again, walks, ['d']);
    await end(again);
    expect(ids()).toEqual(['a', 'b', 'c', 'd']);
    expect(segments()).toHaveLength(4);
  });

  test('what the other one had not finished is kept, up to its last whole line', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a', 'b']);
    await die(sink, walks);
    truncateSync(inStream('live-000001.ndjson.part'), statSync(inStream('live-000001.ndjson.part')).size - 5);
    await end(await open(new Walks(), { owner: { ...OTHERS, adopt: true } }));
    expect(segments()).toEqual(['live-000001.ndjson']);
    expect(ids()).toEqual(['a']);
    expect(said).toEqual([expect.stringMatching(/was not finished by the Sluice that wrote it/)]);
  });

  test('adopting that was broken off is done again', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await die(sink, walks);
    writeFileSync(inStream('live-000001.ndjson'), ''); // something that a person has to look at first
    const log = pino({ level: 'silent' });
    const settings = { path: out, compression: 'none' as const, rotateBytes: 1e6, rotateMs: 1e9 };
    const second = openNdjson(settings, { log, now: Date.now, owner: { ...OTHERS, adopt: true } });
    sinks.push(second);
    await expect(second.recover(PIPELINE, [], new Map())).rejects.toThrow(/cannot get its name/);
    rmSync(inStream('live-000001.ndjson'));
    await second.recover(PIPELINE, [], new Map());
    expect([segments(), ids()]).toEqual([['live-000001.ndjson'], ['a']]);
  });

  test('adopting is over with the first look: later ones cut as always', async () => {
    const walks = new Walks();
    const sink = await open(walks, { owner: { ...MINE, adopt: true } });
    await write(sink, walks, ['a']);
    await write(sink, walks, ['b'], { commits: false });
    await write(sink, walks, ['c'], { walk: 'sweep-60s', commits: false });
    await sink.recover(PIPELINE, [], walks.receipts);
    expect(segments()).toEqual(['live-000001.ndjson', 'sweep-60s-000001.ndjson.uncommitted']);
    await write(sink, walks, ['b']);
    rmSync(inStream('live-000002.ndjson.part'));
    await expect(sink.recover(PIPELINE, [], walks.receipts)).rejects.toThrow(/segment 2 of live .* is gone/);
    expect(ids()).toEqual(['a']);
  });

  test('one that cannot be read says nothing', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await end(sink);
    for (const text of ['', '{}', '{"state":"../../x","path":"p","folder":"f"}', '[1]', 'null']) {
      writeFileSync(inStream('.sluice-owner.json'), text);
      const { message, advice } = await refused(walks);
      expect(message).toMatch(/\.sluice-owner\.json does not say whose folder it is/);
      expect(advice).toMatch(/remove it, and take the folder over with `sluice run --adopt`/);
    }
    rmSync(inStream('.sluice-owner.json'));
    expect((await refused(walks)).message).toMatch(/is not the one that this state has written to/);
    await end(await open(walks, { owner: { ...MINE, adopt: true } }));
    await end(await open(walks));
  });

  test('that its state was begun anew on purpose (`state reset`) is no reason to refuse it', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a'], { walk: 'backfill-1' });
    await write(sink, walks, ['a']);
    await end(sink);
    const anew = new Walks();
    const second = await open(anew);
    await write(second, anew, ['a']);
    await end(second);
    await end(await open(anew));
    expect(segments()).toEqual(['backfill-1-000001.ndjson', 'live-000001.ndjson', 'live-000002.ndjson']);
  });
});

describe('a folder from before folders were named', () => {
  const old = (...names: string[]) => {
    mkdirSync(inStream(), { recursive: true, mode: 0o700 });
    for (const name of names) writeFileSync(inStream(name), `{"event":{"id":"${name}"}}\n`, { mode: 0o600 });
  };
  const walksOf = (receipts: Record<string, number>) => {
    const walks = new Walks();
    for (const [walk, segment] of Object.entries(receipts)) walks.receipts.set(walk, { segment, length: 5 });
    return walks;
  };

  test('is taken by the state whose receipts name its segments', async () => {
    old('live-000001.ndjson', 'live-000002.ndjson', 'sweep-60s-000001.ndjson');
    const walks = walksOf({ live: 2, 'sweep-60s': 1, 'backfill-1': 3 }); // a collector has those
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    await end(sink);
    expect(segments()).toContain('live-000003.ndjson');
    expect((await refused(new Walks(), { owner: OTHERS })).message).toMatch(/belongs to another state/);
  });

  test('is taken by anybody where there are no segments', async () => {
    mkdirSync(inStream(), { recursive: true, mode: 0o700 });
    await end(await open(walksOf({ live: 7 })));
  });

  const foreign: [name: string, receipts: Record<string, number>][] = [
    ['a state that knows nothing', {}],
    ['a state with fewer of them', { live: 1 }],
    ['a state with other walks', { 'sweep-60s': 4 }],
  ];
  test.each(foreign)('is refused to %s', async (_name, receipts) => {
    old('live-000001.ndjson', 'live-000002.ndjson');
    const { message, advice } = await refused(walksOf(receipts));
    expect(message).toMatch(/has segments that this state does not know: it would ship what is in them once more/);
    expect(advice).toMatch(/Is the state missing.*move the folder away.*sluice run --adopt/);
    const walks = walksOf(receipts);
    const sink = await open(walks, { owner: { ...MINE, adopt: true } });
    await write(sink, walks, ['a']);
    await end(sink);
    expect(segments()).toEqual(['live-000001.ndjson', 'live-000002.ndjson', 'live-000003.ndjson']);
    await end(await open(walks));
  });
});

describe('what was committed has to be there', () => {
  async function killed(): Promise<Walks> {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a', 'b']);
    await die(sink, walks);
    return walks;
  }
  const part = () => inStream('live-000001.ndjson.part');

  test('an open segment that is gone', async () => {
    const walks = await killed();
    renameSync(part(), join(folder.path, 'kept'));
    const { message, advice } = await refused(walks);
    expect(message).toMatch(
      /segment 1 of live in .*x\.y is gone, and was not finished when \d+ bytes of it were committed/,
    );
    expect(advice).toMatch(/Put it back.*state reset.*sluice run --adopt/);
    renameSync(join(folder.path, 'kept'), part());
    await end(await open(walks));
    expect(ids()).toEqual(['a', 'b']);
  });

  test('one that is gone is done without, on purpose', async () => {
    const walks = await killed();
    rmSync(part());
    await end(await open(walks, { owner: { ...MINE, adopt: true } }));
    const sink = await open(walks);
    await write(sink, walks, ['c']);
    await end(sink);
    expect(segments()).toEqual(['live-000002.ndjson']);
  });

  test('one that was set aside: its name is given back', async () => {
    const walks = await killed();
    const aside = part().replace('.part', '.uncommitted');
    renameSync(part(), aside);
    const { message, advice } = await refused(walks);
    expect(message).toContain(`${aside} was committed, and yet it was set aside`);
    execFileSync('sh', ['-c', /`(mv [^`]+)`/.exec(advice)?.[1] ?? 'false']);
    await end(await open(walks));
    expect(ids()).toEqual(['a', 'b']);
  });

  test('one that was shortened', async () => {
    const walks = await killed();
    truncateSync(part(), 10);
    expect((await refused(walks)).message).toMatch(/has 10 bytes, but \d+ were committed: somebody shortened it/);
  });

  test('the whole folder, or all that is in it', async () => {
    const walks = await killed();
    renameSync(out, `${out}-moved`);
    expect((await refused(walks)).message).toMatch(/is not the one that this state has written to: that was removed/);
    expect(existsSync(out)).toBe(false);
    mkdirSync(inStream(), { recursive: true, mode: 0o700 });
    expect((await refused(walks)).message).toMatch(/is not the one that this state has written to/);
    rmSync(out, { recursive: true });
    renameSync(`${out}-moved`, out);
    await end(await open(walks));
    expect(ids()).toEqual(['a', 'b']);
  });

  test('what is finished may be taken away at any time', async () => {
    const walks = new Walks();
    const sink = await open(walks, { rotateBytes: 1 });
    for (const id of ['a', 'b', 'c']) {
      await write(sink, walks, [id]);
      for (const name of segments().filter((each) => each.endsWith('.ndjson'))) rmSync(inStream(name));
    }
    await end(sink);
    for (const name of segments()) rmSync(inStream(name));
    const again = await open(walks);
    await write(again, walks, ['d']);
    await end(again);
    expect(segments()).toEqual(['live-000004.ndjson']);
  });

  test('a process that died between giving a segment its name and saying so', async () => {
    const walks = await killed();
    renameSync(part(), part().replace('.part', ''));
    await end(await open(walks));
    rmSync(part().replace('.part', ''));
    await end(await open(walks)); // said by now, so a collector may have it
  });

  test('a state that is older than its output', async () => {
    const walks = await killed();
    const before = new Map(walks.receipts);
    const sink = await open(walks);
    await write(sink, walks, ['c']);
    await write(sink, walks, ['d'], { walk: 'catch-up' });
    await end(sink);
    const older = new Walks();
    older.receipts = before;
    const { message, advice } = await refused(older);
    expect(message).toMatch(
      /the state is older than its output: .*x\.y has 2 finished segments of live, and the state knows of 1/,
    );
    expect(advice).toMatch(/Put back the newer state/);
  });

  test('a segment that is due for its age while a batch is on its way: not before that is committed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'Date'] });
    const walks = new Walks();
    const sink = await open(walks, { rotateMs: 1000 });
    await write(sink, walks, ['a']);
    const handle = await openFile(part());
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const flushed = vi
      .spyOn(prototype, 'datasync')
      .mockImplementationOnce(async () => void vi.advanceTimersByTime(3500));
    await write(sink, walks, ['b'], { commits: false });
    expect(flushed).toHaveBeenCalledOnce();
    flushed.mockRestore();
    await end(sink);
    expect(segments()).toEqual(['live-000001.ndjson.part']);
    const again = await open(walks, { rotateMs: 1000 });
    expect(ids()).toEqual(['a']);
    await write(again, walks, ['b']);
    vi.advanceTimersByTime(2500); // nothing more comes
    await vi.waitFor(() => expect(segments()).toEqual(['live-000001.ndjson', 'live-000002.ndjson']));
    expect(ids()).toEqual(['a', 'b']);
  });

  test('a folder that is removed while it is written to', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    rmSync(out, { recursive: true });
    await expect(write(sink, walks, ['b'])).rejects.toMatchObject({
      action: 'stop',
      message: expect.stringMatching(/removed, replaced or changed/),
    });
    await expect(write(sink, walks, ['b'], { walk: 'sweep-60s' })).rejects.toThrow(/removed, replaced or changed/);
    await expect(sink.recover(PIPELINE, [], walks.receipts)).rejects.toThrow(/removed, replaced or changed/);
    expect(existsSync(out)).toBe(false);
  });

  test('a segment that is removed while a batch is on its way to the disk', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    const committed = new Map(walks.receipts);
    const handle = await openFile(part());
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const flushed = vi.spyOn(prototype, 'datasync').mockImplementationOnce(async () => rmSync(part()));
    await expect(write(sink, walks, ['b'])).rejects.toThrow(/removed, replaced or changed/);
    expect(flushed).toHaveBeenCalledOnce();
    flushed.mockRestore();
    expect(walks.receipts).toEqual(committed);
  });

  test('a segment that is removed when nothing more comes: that is no end like any other', async () => {
    const walks = new Walks();
    const sink = await open(walks);
    await write(sink, walks, ['a']);
    rmSync(part());
    await expect(end(sink)).rejects.toMatchObject({
      action: 'stop',
      message: expect.stringMatching(/removed, replaced or changed/),
    });
    await end(await open(new Walks())); // the lock was let go all the same
  });
});
