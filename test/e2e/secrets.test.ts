/** Secrets planted in every field of the vendor that may hold one, and the application's own: in no output at all. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach, type Simulator, type TruthStream } from '../../simulator/index.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { committedInAll, confirmAllCommitted } from './committed.ts';
import { differencesFrom, documentsIn, idOf } from './delivered.ts';
import { APEX, configOf, openPlace, type Place, SECRET, sourceOf, until } from './place.ts';

let place: Place;
afterEach(() => place.close());

/** A signed token as it travels: three parts, of which the first two are JSON in base64url. */
const TOKEN = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/;
const LIVING = {
  ...{ arrivals: 20, lateArrivals: 10, statusChanges: 20, returns: 10, commentChanges: 15, responseChanges: 15 },
  ...{ deletions: 10, dwellMs: 100, everyRequests: 0, everyMs: 50 },
  ...{ queriesGrow: 2, queriesArchived: 1, queriesDeleted: 1, filesMove: 20, itemsMove: 3, itemsDeleted: 2 },
  confirm: true, // two streams read some lists: that one of them was served says nothing of the other
};
const NAMES = streams.map(({ stream }) => stream.name as TruthStream);

/** What was found, with a little of what stands around it; nothing is the only right answer. */
function secretsIn(name: string, text: string): string[] {
  const found: string[] = [];
  const keys = [SECRET, APEX.apiKey].flatMap((key) => [new RegExp(key), new RegExp(btoa(key).slice(0, -4))]);
  for (const wanted of [/PLANTED-SECRET/i, TOKEN, ...keys]) {
    const at = text.search(wanted);
    if (at >= 0) found.push(`${name}: ${wanted} in ${text.slice(Math.max(0, at - 80), at + 40)}`);
  }
  return found;
}

/** Every file below the folder, as bytes: SQLite keeps text as it is, in the pages and in the log. */
function filesBelow(folder: string): [name: string, text: string][] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return files.map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
}

function expectedInAll(simulator: Simulator): Map<string, string> {
  return new Map(NAMES.flatMap((name) => [...expectedDocuments(simulator, name)]));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function get(url: string): Promise<string> {
  return fetch(url).then((reply) => reply.text());
}

test('no output holds a planted secret, the application secret or a token', { timeout: 300_000 }, async () => {
  const faults = [
    { fault: 'server-error' as const, every: 40 },
    { fault: 'html-page' as const, every: 50, times: 5 },
    { fault: 'token-expires-early' as const, afterUses: 100 },
  ];
  place = await openPlace({
    ...{ detections: 500, instaQueries: 12, resultsPerQuery: 40, retrievedFiles: 100 },
    ...{ items: itemsOfEach(30), apex: { ...APEX, footprints: 6 }, plantSecrets: true, living: LIVING, faults },
  });
  const { simulator } = place;
  const port = await freePort();
  const health = { port };
  const sinks = [{ name: 'files', type: 'ndjson', path: 'out' }];
  const source = { keep_original: true, streams: NAMES.filter((name) => sourceOf(name) === 'acme') };
  const reading = { snapshot: '1s', child_repeat: '1s', task_poll: '100ms' };
  const settings = {
    url: simulator.url,
    sinks,
    source,
    reading,
    apex: true,
    health,
    log: { level: 'trace', format: 'json' },
  };
  place.configure(configOf(settings));

  const state = join(place.folder, 'sluice-state');
  const running = place.start('run');
  const confirmer = confirmAllCommitted(simulator, state);
  await until('everything has arrived', 180_000, () => {
    expect(running.hasEnded()).toBeUndefined();
    const { pending, unserved } = simulator.stats();
    return pending === 0 && unserved === 0 && committedInAll(state) >= expectedInAll(simulator).size;
  });
  await confirmer.stop();
  const served: [string, string][] = [];
  for (const path of ['metrics', 'healthz', 'readyz'])
    served.push([path, await get(`http://127.0.0.1:${port}/${path}`)]);
  const live = filesBelow(state); // with the write-ahead log, which a clean end removes
  expect(live.map(([name]) => name)).toContain('state.db-wal');
  const ended = await running.end('SIGTERM');
  expect(ended.code).toBe(0);

  const outputs: [string, string][] = [
    ['run, stdout', ended.stdout],
    ['run, stderr', ended.stderr],
    ...served,
    ...live,
  ];
  const commands = [
    ...NAMES.flatMap((name) => [[], ['--json'], ['--raw']].map((how) => ['sample', name, '-n', '100', ...how])),
    ['state', 'show', '--json'],
    ['state', 'show'],
    ['rejections', 'list', '--json', '--documents'],
    ['check', '--log-level', 'trace'],
    ['backfill', '--from', simulator.range.start, '--log-level', 'trace'],
  ];
  for (const argv of commands) {
    const { stdout, stderr } = await place.sluice(...argv);
    outputs.push([`${argv.join(' ')}, stdout`, stdout], [`${argv.join(' ')}, stderr`, stderr]);
  }
  outputs.push(...filesBelow(place.folder));
  expect(outputs.flatMap(([name, text]) => secretsIn(name, text))).toEqual([]);

  // None of this counts if the secrets were not there to begin with, or if nothing but them was taken away.
  for (const name of NAMES) {
    const planted = [...simulator.truthOf(name)].filter(({ record }) => /PLANTED-SECRET/.test(JSON.stringify(record)));
    expect([name, planted.length > 5]).toEqual([name, true]);
  }
  const documents = documentsIn(join(place.folder, 'out'));
  expect(
    documents.filter(({ event }) => typeof (event as { original?: unknown }).original === 'string').length,
  ).toBeGreaterThan(500);
  expect(differencesFrom(expectedInAll(simulator), documents.map(idOf))).toEqual([]);
  expect(ended.stderr.length).toBeGreaterThan(1000);
});
