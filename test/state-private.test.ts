/** The state is its user's alone, and says when it is not what it was. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isStateInUse, openState, type StateOptions, verifyState } from '../src/state/sqlite.ts';
import type { StateStore } from '../src/state/store.ts';
import { scratch } from './engine/harness.ts';
import { seed } from './seed.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const umask = process.umask();

let folder: ReturnType<typeof scratch>;
let path: string;
const stores: StateStore[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = scratch();
  path = join(folder.path, 'state');
});
afterEach(() => {
  process.umask(umask);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const store of stores.splice(0)) store.close();
  folder.remove();
});

const at = (name: string) => join(path, name);
const modeOf = (file: string) => (statSync(file).mode & 0o7777).toString(8);
const modes = () => Object.fromEntries(readdirSync(path).map((name) => [name, modeOf(at(name))]));

function open(more: Partial<StateOptions> = {}): StateStore {
  const store = openState({ path, now: () => 1000, exclusive: true, ...more });
  stores.push(store);
  return store;
}

function close(store: StateStore): void {
  stores.splice(stores.indexOf(store), 1);
  store.close();
}

/** With something in it, and closed well. */
function made(): void {
  const store = open();
  const state = store.pipeline('s/x.y/z');
  state.begin('live', 'live', { fromMs: 1, toMs: 2 });
  for (let at = 0; at < 50; at++) state.setFact(`fact ${at}`, 'x'.repeat(50));
  close(store);
}

describe.each([0o000, 0o077])('under the umask %o', (mask) => {
  test('all that is made is for its user alone, the logs of SQLite included', () => {
    process.umask(mask);
    const store = open();
    store.pipeline('s/x.y/z').setFact('one', 1);
    expect(modes()).toEqual({
      'lock.db': '600',
      'state.db': '600',
      'state.db-shm': '600',
      'state.db-wal': '600',
    });
    expect(modeOf(path)).toBe('700');
    close(store);
    expect(modes()).toEqual({ 'lock.db': '600', 'state.db': '600', 'state.seal': '600' });
  });

  test.skipIf(!isRoot)('a group may read all but the lock', () => {
    process.umask(mask);
    const store = open({ group: 4711 });
    store.pipeline('s/x.y/z').setFact('one', 1);
    expect(modes()).toEqual({
      'lock.db': '600',
      'state.db': '640',
      'state.db-shm': '640',
      'state.db-wal': '640',
    });
    expect([modeOf(path), ...readdirSync(path).map((name) => statSync(at(name)).gid)]).toEqual([
      ...['2750', 4711, 4711, 4711, 4711],
    ]);
  });
});

test('what others could read until now, they cannot any more, and that is said', () => {
  made();
  for (const name of readdirSync(path)) chmodSync(at(name), 0o644);
  chmodSync(path, 0o755);
  const told: string[] = [];
  close(open({ tell: (text) => told.push(text) }));
  expect(told).toEqual([
    expect.stringMatching(/others could read the state in .*state \(mode 0644\): now only Sluice's user can/),
    expect.stringMatching(/others may look into .*state \(mode 0755\): `chmod 0700 .*state`/),
  ]);
  expect([...new Set(Object.values(modes()))]).toEqual(['600']);
  expect(modeOf(path)).toBe('755'); // perhaps somebody else's choice
});

describe('is refused', () => {
  const foreign = () => join(folder.path, 'foreign');
  const strange: [name: string, make: () => void, says: RegExp][] = [
    [
      'when others may write into its folder',
      () => chmodSync(path, 0o777),
      /everybody may write into .*state \(mode 0777\)/,
    ],
    ['when it is a link', () => linked('state.db'), /state\.db is a link/],
    ['when its lock is a link', () => linked('lock.db'), /lock\.db is a link/],
    ['when its log is a link', () => linked('state.db-wal'), /state\.db-wal is a link/],
    ['when it has another name', () => linkSync(at('state.db'), foreign()), /state\.db has another name as well/],
  ];
  const linked = (name: string) => {
    rmSync(at(name), { force: true });
    symlinkSync(foreign(), at(name));
  };
  test.each(strange)('%s', (_name, make, says) => {
    made();
    writeFileSync(`${foreign()}-before`, '');
    make();
    expect(() => open()).toThrow(says);
    expect(() => open({ exclusive: false })).toThrow(says);
    expect(() => isStateInUse({ path })).toThrow(says);
    expect(() => verifyState({ path, now: () => 0 })).toThrow(/./);
  });

  test.skipIf(!isRoot)('when a file of it belongs to another user', () => {
    made();
    chownSync(at('lock.db'), NOBODY, NOBODY);
    expect(() => open()).toThrow(/lock\.db belongs to nobody \(uid 65534\), who may change it/);
  });
});

test('a process that died while it made the state left two names', () => {
  made();
  linkSync(at('state.db'), at('state.db.0000.new'));
  close(open());
  expect(readdirSync(path)).not.toContain('state.db.0000.new');
});

/** Another user who has opened a file while that was allowed, and holds a lock on it. */
async function lockedByNobody(file: string): Promise<void> {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const { dirname } = require('node:path');
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
    const held = new DatabaseSync(${JSON.stringify(file)}, { readOnly: true });
    held.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN; SELECT * FROM sqlite_schema');
    console.log('held');
    setInterval(() => {}, 1000);`;
  chmodSync(folder.path, 0o755);
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
}

test.skipIf(!isRoot)('a lock that another user holds is told as that, and not as another Sluice', async () => {
  made();
  chmodSync(path, 0o755);
  chmodSync(at('lock.db'), 0o644);
  await lockedByNobody(at('lock.db'));
  const says = /process \d+ of nobody \(uid 65534\) holds a lock on .*lock\.db, and so keeps Sluice from starting/;
  expect(() => open()).toThrow(says);
  expect(() => isStateInUse({ path })).toThrow(says);
  expect(modeOf(at('lock.db'))).toBe('600');
  children.splice(0).forEach((child) => void child.kill('SIGKILL'));
  await expect.poll(() => isStateInUse({ path })).toBe(false);
});

describe('files that go away, or are others, while they are used', () => {
  const changes: [name: string, change: () => void][] = [
    ['the folder is removed', () => rmSync(path, { recursive: true })],
    ['the folder is moved', () => renameSync(path, `${path}-moved`)],
    ['the lock is removed', () => rmSync(at('lock.db'))],
    ['the log is removed', () => rmSync(at('state.db-wal'))],
    ['the state is replaced by a copy', () => replaced('state.db')],
  ];
  const replaced = (name: string) => {
    copyFileSync(at(name), at('copy'));
    renameSync(at('copy'), at(name));
  };
  test.each(changes)('%s: nothing is committed any more', (_name, change) => {
    const store = open();
    const state = store.pipeline('s/x.y/z');
    state.setFact('one', 1);
    state.begin('live', 'live', { fromMs: 1, toMs: 2 });
    change();
    const says = /was (removed|replaced) while Sluice was using it/;
    const commit = { walk: 'live', number: 1, rows: [], ledger: [], rejections: [], children: [], receipt: null };
    expect(() => state.commit(commit)).toThrow(says);
    expect(() => state.prepare('live', 1, [])).toThrow(says);
    expect(() => store.jobs()).toThrow(says);
    expect(() => store.verify()).toThrow(says);
  });
});

describe('one flipped bit', () => {
  const flipped = (file: string, index: number, bit: number) => {
    const bytes = readFileSync(file);
    bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
    writeFileSync(file, bytes);
  };

  test('is noticed, wherever it is', () => {
    made();
    const { size } = statSync(at('state.db'));
    let draw = seed;
    for (let time = 0; time < 200; time++) {
      draw = (Math.imul(draw, 1_664_525) + 1_013_904_223) >>> 0;
      const [index, bit] = [draw % size, draw >>> 29];
      flipped(at('state.db'), index, bit);
      expect(() => open(), `bit ${bit} of byte ${index}`).toThrow(/is damaged|another version of Sluice/);
      flipped(at('state.db'), index, bit);
    }
    close(open());
  });

  test('in the seal says nothing of the state', () => {
    made();
    flipped(at('state.seal'), 3, 0);
    close(open());
  });
});

test('who only looks leaves it as it was left; whoever writes ends what was said of it', () => {
  made();
  const sealed = readFileSync(at('state.seal'), 'utf8');
  const looking = open({ exclusive: false });
  expect(looking.pipelines()).toEqual(['s/x.y/z']);
  looking.pipeline('s/x.y/z').walks();
  close(looking);
  verifyState({ path, now: () => 0 });
  expect(readFileSync(at('state.seal'), 'utf8')).toBe(sealed);
  const writing = open({ exclusive: false });
  writing.addJob({ kind: 'backfill', range: { fromMs: 1, toMs: 2 }, pipelines: [], as: undefined });
  expect(readdirSync(path)).not.toContain('state.seal'); // should the process die now
  close(writing);
  expect(readdirSync(path)).toEqual(['lock.db', 'state.db']);
  close(open());
  expect(readFileSync(at('state.seal'), 'utf8')).not.toBe(sealed);
});

test('one that was not ended well is compared with nothing', () => {
  made();
  const store = open();
  store.pipeline('s/x.y/z').setFact('new', 1);
  const killed = join(folder.path, 'killed'); // what a process leaves that dies now
  cpSync(path, killed, { recursive: true });
  close(store);
  expect(readdirSync(killed)).not.toContain('state.seal');
  const again = openState({ path: killed, now: () => 1000, exclusive: true });
  stores.push(again);
  expect(again.pipeline('s/x.y/z').fact('new')).toBe(1);
});

test('every state has an id of its own, which stays', () => {
  made();
  const first = open();
  close(first);
  const again = open();
  const other = openState({ path: join(folder.path, 'other'), now: () => 1000, exclusive: true });
  stores.push(other);
  expect(first.id).toMatch(/^[0-9a-f]{32}$/);
  expect([again.id, other.id]).toEqual([first.id, expect.not.stringMatching(first.id)]);
});

test('one that is in use by a process of the same user says which', () => {
  open();
  expect(() => openState({ path, now: () => 0, exclusive: true })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^another Sluice process is using the state in .*state$/),
      advice: expect.stringMatching(
        /^Stop that process first \(process \d+\)\. To run beside it, this one needs a state \(`state\.path`\) and an output/,
      ),
    }),
  );
});
