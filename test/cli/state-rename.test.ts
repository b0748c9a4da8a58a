/** A source gets another name: nothing is read or shipped again, wherever it goes. And what was removed from the config is marked. */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { openState } from '../../src/state/sqlite.ts';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

const at = (...names: string[]) => join(place.folder, ...names);
const state = () => openState({ path: at('sluice-state'), now: Date.now, exclusive: false });

function configure(name: string, change = (text: string) => text): void {
  place.configure({ extra: 'raw: { keep: true }\n' });
  const text = readFileSync(at('sluice.yaml'), 'utf8');
  writeFileSync(at('sluice.yaml'), change(text.replace('name: acme', `name: ${name}`)));
}

async function delivered(): Promise<void> {
  place = await workplace({ detections: 40 });
  configure('acme');
  expect((await place.sluice('backfill', '--from', '3650d')).code).toBe(0);
  expect(place.delivered()).toHaveLength(40);
}

test('nothing is shipped again, and everything that is known goes with it', { timeout: 90_000 }, async () => {
  await delivered();
  const before = state();
  before.addJob({
    kind: 'backfill',
    range: { fromMs: 0, toMs: 1 },
    pipelines: ['acme/x.y/z', 'b/x.y/z'],
    as: undefined,
  });
  const [known] = before.pipeline('acme/cylance.detection/files').newestKeys(1);
  before.close();
  const database = new DatabaseSync(at('sluice-state', 'state.db'));
  const { id } = database.prepare("SELECT id FROM pipelines WHERE name LIKE 'acme/%'").get() as { id: number };
  const document = JSON.stringify({ data_stream: { namespace: 'acme' }, event: { id: 'k' } });
  database.prepare('INSERT INTO rejections VALUES (?, ?, ?, ?, ?, NULL, ?, 1)').run(id, 'i', 'k', 't', 'r', document);
  database.exec("INSERT INTO notes VALUES ('acme', 'host', 'h', '{}')");
  database.exec("INSERT INTO pauses VALUES ('acme', '', 1, NULL, 'why')");
  database.close();

  const renamed = await place.sluice('state', 'rename', 'acme', 'acme_eu');
  expect(renamed).toMatchObject({ code: 0, stdout: expect.stringContaining('acme is acme_eu now: 1 pipeline') });
  expect(renamed.stdout).toContain('name: acme_eu');
  expect(readdirSync(at('sluice-out'))).toEqual(['acme_eu']);
  expect(readdirSync(at('sluice-state', 'raw'))).toEqual(['acme_eu']);
  const after = state();
  expect(after.pipelines()).toEqual(['acme_eu/cylance.detection/files']);
  expect(after.jobs().map(({ pipelines }) => pipelines)).toContainEqual(['acme_eu/x.y/z', 'b/x.y/z']);
  const pipeline = after.pipeline('acme_eu/cylance.detection/files');
  expect(pipeline.known(known ?? '')).toBeDefined();
  expect(pipeline.note('host', 'h')).toBe('{}');
  expect(JSON.parse(pipeline.rejected(1)[0]?.document ?? '')).toMatchObject({ data_stream: { namespace: 'acme_eu' } });
  pipeline.drop(['i']);
  after.close();
  const paused = new DatabaseSync(at('sluice-state', 'state.db'));
  expect(paused.prepare('SELECT source FROM pauses').all()).toEqual([{ source: 'acme_eu' }]);
  paused.exec("DELETE FROM pauses; DELETE FROM jobs WHERE status = 'waiting'");
  paused.close();

  configure('acme_eu');
  const ran = await place.sluice('backfill', '--from', '3650d', '--to', '1m');
  expect(ran.code, ran.stderr).toBe(0);
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect(place.delivered()).toHaveLength(40);
  const verified = await place.sluice('verify', '--from', '3650d');
  expect(verified.stdout).toContain('everything is there, once');
  const anew = await place.sluice('remap', '--from', '3650d', '--diff');
  expect(anew.code, anew.stderr).toBe(0);
});

test('one that was killed half-way is given once more', { timeout: 60_000 }, async () => {
  await delivered();
  renameSync(at('sluice-out', 'acme'), at('sluice-out', 'b'));
  expect((await place.sluice('state', 'rename', 'acme', 'b')).code).toBe(0);
  configure('b');
  expect((await place.sluice('run', '--once')).code).toBe(0);
  expect(place.delivered()).toHaveLength(40);
});

test('what would mix two sources, or lose a batch, is refused', { timeout: 60_000 }, async () => {
  await delivered();
  const refused = async (why: string, ...names: string[]) => {
    const { code, stderr } = await place.sluice('state', 'rename', ...names);
    expect(stderr).toContain(why);
    expect(code).not.toBe(0);
  };
  await refused('"Acme-EU" is no name', 'acme', 'Acme-EU');
  await refused('there is no source in the state: "other"', 'other', 'b');
  const other = state();
  other.pipeline('b/cylance.detection/files').begin('live', 'live', { fromMs: 0, toMs: 1 });
  other.close();
  await refused('the state knows a source "b" already', 'acme', 'b');
  const row = { key: 'k', rowId: undefined, fingerprint: null, revision: 'r', ordinal: 1, timeMs: null, digests: '' };
  const whole = { ...row, id: 'i', deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null };
  const store = state();
  store.pipeline('acme/cylance.detection/files').prepare('live', 9, [whole]);
  store.close();
  await refused('was being written when a process died', 'acme', 'c');
  const again = state();
  again.pipeline('acme/cylance.detection/files').resolve(new Set());
  again.close();
  mkdirSync(at('sluice-out', 'c'));
  writeFileSync(at('sluice-out', 'c', 'notes.txt'), '');
  await refused('that is there, and not empty', 'acme', 'c');
  expect(state().pipelines()).toContain('acme/cylance.detection/files');
});

test('`state show` marks what is not in the config any more', { timeout: 60_000 }, async () => {
  await delivered();
  const shown = async (change: (text: string) => string) => {
    configure('acme', change);
    return (await place.sluice('state', 'show')).stdout;
  };
  expect(await shown((text) => text)).not.toContain('removed');
  expect(await shown((text) => text.replace('name: acme', 'name: other'))).toContain('its source is not in the config');
  expect(await shown((text) => text.replace('[cylance.detection]', '[cylance.device]'))).toContain('its stream is not');
  expect(await shown((text) => text.replace('name: files', 'name: others'))).toContain('its sink is not in the config');
  const json = JSON.parse((await place.sluice('state', 'show', '--json')).stdout) as { pipelines: object[] };
  expect(json.pipelines).toMatchObject([{ removed: 'sink' }]);
});
