/** Who may read what is made here, and what is refused. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { groupNumber, isOnlyForUser, ownUser, showGroup, showUser } from '../src/system/accounts.ts';
import { correctMode, makeFile, makeFolder, openNewFile, openOwnFile } from '../src/system/private-files.ts';
import { isWide, ownFile, requireTrustedFolder, shellWord, whoMayReplace } from '../src/system/trust.ts';
import { scratch } from './engine/harness.ts';

let folder: ReturnType<typeof scratch>;
const umask = process.umask();
beforeEach(() => {
  folder = scratch();
});
afterEach(() => {
  process.umask(umask);
  folder.remove();
});

const at = (...path: string[]) => join(folder.path, ...path);
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
const isRoot = process.getuid?.() === 0;
/** One that is not this user's own: root may give files to any. */
const GROUP = isRoot ? 4711 : undefined;
const NOBODY = 65_534;

test.each([0o000, 0o022, 0o077, 0o177])('the umask %o decides nothing', async (mask) => {
  process.umask(mask);
  makeFolder(at('a', 'b', 'c'), {});
  expect([at('a'), at('a', 'b'), at('a', 'b', 'c')].map(modeOf)).toEqual(['700', '700', '700']);
  makeFile(at('a', 'file'), 0o600, {});
  const open = await openNewFile(at('a', 'other'), {});
  await open.close();
  expect([at('a', 'file'), at('a', 'other')].map(modeOf)).toEqual(['600', '600']);
});

test.skipIf(!isRoot).each([0o000, 0o077])('with a group that reads, under the umask %o', async (mask) => {
  process.umask(mask);
  const readers = { group: GROUP };
  makeFolder(at('a', 'b'), readers);
  const open = await openNewFile(at('a', 'b', 'file'), readers);
  await open.close();
  for (const [path, mode] of [
    [at('a'), '2750'],
    [at('a', 'b'), '2750'],
    [at('a', 'b', 'file'), '640'],
  ] as const)
    expect([modeOf(path), statSync(path).gid]).toEqual([mode, GROUP]);
  mkdirSync(at('there'), 0o700);
  makeFolder(at('there'), readers);
  expect([modeOf(at('there')), statSync(at('there')).gid]).toEqual(['2750', GROUP]);
  chmodSync(at('there'), 0o2770); // its members may take files away: a person's choice
  makeFolder(at('there'), readers);
  expect(modeOf(at('there'))).toBe('2770');
  expect(() => requireTrustedFolder(at('there'), readers)).not.toThrow();
  expect(() => requireTrustedFolder(at('there'), {})).toThrow(/the group gid 4711 may write into .*there/);
  expect(isWide(statSync(at('there')), readers)).toBe(false);
});

test('what is there is not narrowed', () => {
  mkdirSync(at('there'));
  chmodSync(at('there'), 0o755);
  makeFolder(at('there'), {});
  expect(modeOf(at('there'))).toBe('755');
  expect(isWide(statSync(at('there')), {})).toBe(true);
});

describe('a folder', () => {
  const made = (mode: number, uid?: number, gid?: number) => {
    mkdirSync(at('one'));
    if (uid !== undefined && gid !== undefined) chownSync(at('one'), uid, gid);
    chmodSync(at('one'), mode);
    return at('one');
  };
  const thrown = (rules: Parameters<typeof requireTrustedFolder>[1]) => {
    try {
      requireTrustedFolder(at('one'), rules);
      return undefined;
    } catch (error) {
      return error as Error & { advice: string };
    }
  };

  test.each([0o700, 0o750, 0o755, 0o2750])('of mode %o is trusted', (mode) => {
    made(mode);
    expect(thrown({})).toBeUndefined();
  });

  test.each([0o777, 0o702, 0o1777])('of mode %o is not: everybody may write into it', (mode) => {
    made(mode);
    expect(thrown({})).toMatchObject({
      message: expect.stringMatching(/everybody may write into .*one \(mode 01?7/),
      advice: expect.stringContaining(`chmod go-w ${at('one')}`),
    });
  });

  test('like /tmp will do where Sluice makes only folders', () => {
    made(0o1777);
    expect(thrown({ may: ['be sticky'] })).toBeUndefined();
  });

  test.skipIf(!isRoot)('of a group is trusted when the config names it, and only then', () => {
    made(0o770, 0, 4711);
    expect(thrown({ group: 4711 })).toBeUndefined();
    for (const group of [undefined, 4712])
      expect(thrown({ group })).toMatchObject({
        message: expect.stringContaining('the group gid 4711 may write into'),
        advice: expect.stringMatching(/chmod g-w .*group: 4711/),
      });
  });

  test("of a group with the user's name and nobody else in it is the user's", ({ skip }) => {
    const own = statSync(folder.path);
    if (!isOnlyForUser(own.gid, own.uid)) skip('this user shares its group');
    made(0o770);
    expect(thrown({})).toBeUndefined();
  });

  test.skipIf(!isRoot)('of another user is not: its owner may write into it', () => {
    made(0o700, NOBODY, NOBODY);
    expect(thrown({})).toMatchObject({
      message: expect.stringMatching(/one belongs to nobody \(uid 65534\), who may change it.*root \(uid 0\)/),
      advice: expect.stringContaining(`chown -R 0 ${at('one')}`),
    });
  });

  test('that is a link is trusted only where the config names it', () => {
    mkdirSync(at('real'), 0o700);
    symlinkSync(at('real'), at('one'));
    expect(thrown({})).toMatchObject({ message: expect.stringContaining('one is a link') });
    expect(thrown({ may: ['be a link'] })).toBeUndefined();
  });

  test('that somebody may put another one in the place of', () => {
    makeFolder(at('above', 'one'), {});
    chmodSync(at('above'), 0o777);
    expect(whoMayReplace(at('above', 'one'), {})).toMatch(
      /everybody may write into .*above, and so put another folder/,
    );
    chmodSync(at('above'), 0o1777);
    expect(whoMayReplace(at('above', 'one'), {})).toBeUndefined();
  });

  test.skipIf(!isRoot)('below one of another user', () => {
    makeFolder(at('above', 'one'), {});
    chownSync(at('above'), NOBODY, NOBODY);
    expect(whoMayReplace(at('above', 'one'), {})).toMatch(/nobody \(uid 65534\) may write into .*above/);
  });
});

describe('a file is opened only when it is one of ours', () => {
  const foreign = () => at('foreign');
  beforeEach(() => writeFileSync(foreign(), 'keep me'));
  afterEach(() => expect(readFileSync(foreign(), 'utf8')).toBe('keep me'));

  const strange: [name: string, make: () => void, says: RegExp][] = [
    ['a link', () => symlinkSync(foreign(), at('one')), /one is a link/],
    ['a link to nothing', () => symlinkSync(at('nothing'), at('one')), /one is a link/],
    ['a hard link', () => linkSync(foreign(), at('one')), /one has another name as well/],
    ['a pipe', () => void execFileSync('mkfifo', [at('one')]), /one is no file/],
    ['a folder', () => void mkdirSync(at('one')), /one is no file|EISDIR/],
  ];
  test.each(strange)('%s', async (_name, make, says) => {
    make();
    await expect(openOwnFile(at('one'))).rejects.toThrow(says);
    expect(() => ownFile(at('one'))).toThrow(says);
    await expect(openNewFile(at('one'), {})).rejects.toThrow(/EEXIST/);
  });

  test.skipIf(!isRoot)("another user's", async () => {
    chownSync(foreign(), NOBODY, NOBODY);
    await expect(openOwnFile(foreign())).rejects.toThrow(/belongs to nobody \(uid 65534\)/);
  });

  test('ours', async () => {
    const file = await openOwnFile(foreign());
    await file.close();
    expect(ownFile(at('none'))).toBeUndefined();
  });
});

test('a file of ours is given its mode, and it is said what others could do before', () => {
  writeFileSync(at('one'), '');
  chmodSync(at('one'), 0o644);
  expect(correctMode(at('one'), 0o600, {})).toBe('0644');
  expect(modeOf(at('one'))).toBe('600');
  expect(correctMode(at('one'), 0o600, {})).toBeUndefined();
  expect(correctMode(at('none'), 0o600, {})).toBeUndefined();
});

test('a file that is there is not opened, for closing it would let go of its locks', () => {
  writeFileSync(at('one'), 'x');
  chmodSync(at('one'), 0o644);
  makeFile(at('one'), 0o600, {});
  expect(modeOf(at('one'))).toBe('644');
});

test('users and groups have their names, where they have one here', () => {
  expect([showUser(0), showUser(4_000_000), showGroup(0)]).toEqual(['root (uid 0)', 'uid 4000000', 'root (gid 0)']);
  expect([groupNumber('root'), groupNumber('4711'), groupNumber('no-such-group')]).toEqual([0, 4711, undefined]);
  expect(groupNumber('99999999999')).toBeUndefined();
  expect(ownUser()).toBe(process.getuid?.());
  expect(isOnlyForUser(4711, 0)).toBe(false);
});

test('what is typed into a shell stays one word', () => {
  const odd = `it's $(here); "x"\n`;
  expect(execFileSync('sh', ['-c', `printf %s ${shellWord(odd)}`]).toString()).toBe(odd);
  expect(shellWord('/a/b-c.d')).toBe('/a/b-c.d');
});
