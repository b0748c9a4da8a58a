/** Another user of the machine: no file of Sluice's can be read by it, and none of its starts be held up. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { committedRevisions } from './committed.ts';
import { differences, documentsIn, idOf } from './delivered.ts';
import { configOf, openPlace, type Place, SECRET, until } from './place.ts';

const NOBODY = 65_534;
const DETECTIONS = 200;
const isRoot = process.getuid?.() === 0;
const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

let place: Place;
const children: ChildProcess[] = [];
beforeEach(async () => {
  place = await openPlace({ detections: DETECTIONS });
  chmodSync(place.folder, 0o755); // everybody may look for what is in it
  place.configure(
    configOf({
      url: place.simulator.url,
      sinks: [{ name: 'files', type: 'ndjson', path: 'out' }],
      batch: { documents: 20 },
    }),
  );
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await place.close();
});

/** Under an umask that keeps nobody out. */
function sluice(...argv: string[]) {
  return sluiceAs(undefined, ...argv);
}

function sluiceAs(uid: number | undefined, ...argv: string[]) {
  const env = { PATH: process.env.PATH, HOME: place.folder, SLUICE_SECRET: SECRET };
  const command = ['-c', 'umask 000; exec "$@"', 'sh', process.execPath, MAIN, ...argv];
  const child = spawn('sh', command, { cwd: place.folder, env, uid, gid: uid, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, said }));
  return { child, ended, said: () => said };
}

async function works(...argv: string[]): Promise<void> {
  const { code, said } = await sluice(...argv).ended;
  expect([argv, code], said).toEqual([argv, 0]);
}

/** All that Sluice has made below the folder, as root finds it. */
function made(): string[] {
  const all = readdirSync(place.folder, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => path !== 'sluice.yaml');
}

/** What another user can open of these, to read and so to lock. */
async function openedByNobody(paths: readonly string[]): Promise<string[]> {
  const script = `
    const fs = require('node:fs');
    if (${isRoot}) { process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); }
    const opened = JSON.parse(fs.readFileSync(0, 'utf8')).filter((path) => {
      try { fs.closeSync(fs.openSync(path, 'r')); return true; } catch (error) { return error.code !== 'EACCES'; }
    });
    console.log(JSON.stringify(opened));`;
  const child = spawn(process.execPath, ['-e', script], { cwd: place.folder, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  child.stdin.end(JSON.stringify(paths));
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  await once(child, 'close');
  return JSON.parse(said) as string[];
}

/** As root, another user tries; else the modes have to do. */
async function expectPrivate(): Promise<void> {
  const paths = made();
  const open = paths.filter((path) => (lstatSync(join(place.folder, path)).mode & 0o077) !== 0);
  expect(open).toEqual([]);
  if (isRoot) expect(await openedByNobody(paths)).toEqual([]);
}

test('after every command, and while it runs, whatever the umask is', async () => {
  await works('check');
  await expectPrivate();
  const running = sluice('run');
  await until('it delivers', 30_000, () => committedRevisions(join(place.folder, 'sluice-state'), 1) > 20);
  expect(made()).toEqual(
    expect.arrayContaining(['sluice-state/lock.db', 'sluice-state/state.db-wal', 'sluice-state/state.db-shm']),
  );
  expect(made().filter((path) => path.endsWith('.part'))).not.toEqual([]);
  await expectPrivate();
  await works('backfill', '--from', '400d');
  await works('state', 'show');
  await expectPrivate();
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(0);
  await works('rejections', 'list');
  await works('state', 'rewind', '--to', '1h');
  await works('check');
  await expectPrivate();
  expect(made().some((path) => path.startsWith('out/acme/cylance.detection/live-'))).toBe(true);
  expect(differences(place.simulator, documentsIn(join(place.folder, 'out')).map(idOf))).toEqual([]);
}, 120_000);

test('the demo', async () => {
  await works('demo', '--detections', '50');
  expect(made()).toContain('sluice-demo/state/state.db');
  await expectPrivate();
}, 120_000);

describe.skipIf(!isRoot)('none of its starts is held up', () => {
  /** Tries again and again to open and lock what it knows is there. */
  const attacker = (paths: readonly string[]) => {
    const script = `
      const { DatabaseSync } = require('node:sqlite');
      process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
      const held = [];
      setInterval(() => {
        for (const path of ${JSON.stringify(paths)}) {
          try {
            const database = new DatabaseSync(path, { readOnly: true });
            database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN; SELECT * FROM sqlite_schema');
            held.push(database);
            console.log('held ' + path);
          } catch {}
        }
      }, 5);
      console.log('trying');`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    return { child, said: () => said };
  };
  const targets = () => ['lock.db', 'state.db'].map((name) => join(place.folder, 'sluice-state', name));

  test('while another user tries to take its locks from the first moment on', async () => {
    const { said } = attacker([...targets(), join(place.folder, 'out', 'acme', 'cylance.detection', '.sluice-lock')]);
    await until('it tries', 10_000, () => said().includes('trying'));
    for (let start = 0; start < 3; start++) await works('run', '--once');
    expect(said()).toBe('trying\n');
    expect(differences(place.simulator, documentsIn(join(place.folder, 'out')).map(idOf))).toEqual([]);
  });

  test('a state with wide rights: who holds a lock on it already is named, and it is over with that', async () => {
    await works('run', '--once');
    chmodSync(join(place.folder, 'sluice-state'), 0o755);
    chmodSync(targets()[0] ?? '', 0o644);
    const { child, said } = attacker(targets());
    await until('it holds the lock', 10_000, () => said().includes('held'));
    const refused = await sluice('run', '--once').ended;
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(
      /error: process \d+ of nobody \(uid 65534\) holds a lock on sluice-state\/lock\.db, and so keeps Sluice from starting\n→ That process is no Sluice of root \(uid 0\): end it\./,
    );
    const checked = await sluice('check').ended;
    expect([checked.code, checked.said]).toEqual([1, expect.stringMatching(/✗ {2}state .*process \d+ of nobody/)]);
    child.kill('SIGKILL');
    await once(child, 'close');
    const again = attacker(targets());
    await until('it tries again', 10_000, () => again.said().includes('trying'));
    await works('run', '--once');
    expect(again.said()).toBe('trying\n');
  });
});

test.skipIf(!isRoot)('a state of another user is told as that', async () => {
  await works('run', '--once');
  const says =
    /the state in sluice-state cannot be used: EACCES.*\n→ .* It belongs to root \(uid 0\), and this Sluice runs as nobody/;
  expect(await sluiceAs(NOBODY, 'run', '--once').ended).toEqual({ code: 1, said: expect.stringMatching(says) });
  chownSync(join(place.folder, 'sluice-state'), NOBODY, NOBODY);
  const file =
    /sluice-state\/(lock|state)\.db\S* belongs to root \(uid 0\), who may change it; this Sluice runs as nobody/;
  expect(await sluiceAs(NOBODY, 'run', '--once').ended).toEqual({ code: 1, said: expect.stringMatching(file) });
  const folder = /sluice-state belongs to nobody \(uid 65534\), who may change it; this Sluice runs as root/;
  expect(await sluice('state', 'show').ended).toEqual({ code: 1, said: expect.stringMatching(folder) });
});

test.skipIf(!isRoot)(
  'a volume that is given to a group, as the kubelet does for fsGroup, works when the config names it',
  async () => {
    await works('run', '--once');
    for (const path of ['.', ...made()]) {
      const whole = join(place.folder, path);
      const { mode, uid } = lstatSync(whole);
      chownSync(whole, uid, 2000);
      chmodSync(whole, (mode & 0o777) | (lstatSync(whole).isDirectory() ? 0o2770 : 0o660));
    }
    const refused = await sluice('run', '--once').ended;
    expect(refused.code).toBe(1);
    expect(refused.said).toMatch(/the group gid 2000 may write into sluice-state .*\n→ .*`group: 2000`/);
    place.configure(
      configOf({
        url: place.simulator.url,
        state: { path: 'sluice-state', group: 2000 },
        sinks: [{ name: 'files', type: 'ndjson', path: 'out', group: 2000 }],
      }),
    );
    const { code, said } = await sluice('run', '--once').ended;
    expect([code, said], said).toEqual([0, expect.not.stringMatching(/"warn"/)]);
    expect(lstatSync(join(place.folder, 'sluice-state', 'lock.db')).mode & 0o777).toBe(0o600);
    expect(await openedByNobody(made())).toEqual([]);
  },
);

test.skipIf(!isRoot)('a folder that another user may write into, or has made before, is refused', async () => {
  const out = join(place.folder, 'as-nobody');
  const script = `
    process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY});
    require('node:fs').mkdirSync(${JSON.stringify(join(out, 'sluice-state'))});`;
  mkdirSync(out);
  chmodSync(out, 0o1777);
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
  await once(child, 'close');
  cpSync(join(place.folder, 'sluice.yaml'), join(out, 'sluice.yaml'));
  const refused = await sluice('run', '--once', '--config', join(out, 'sluice.yaml')).ended;
  expect(refused.code).toBe(1);
  expect(refused.said).toMatch(
    /error: .*as-nobody\/sluice-state belongs to nobody \(uid 65534\), who may change it; this Sluice runs as root \(uid 0\)\n→ Run Sluice as/,
  );
});
