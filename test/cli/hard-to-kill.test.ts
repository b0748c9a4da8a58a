/** What happens around a running Sluice ends nothing that need not end: failures of libraries, readers of the log, terminals, npm. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { type Started, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await place.close();
});

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const THROWS = join(import.meta.dirname, 'throws.mjs');
const distinct = () => new Set(place.delivered()).size;

/** An Elasticsearch that takes everything. */
async function elasticsearch(): Promise<{ port: number; ids: Set<string> }> {
  const ids = new Set<string>();
  const server = createServer(async (request, response) => {
    const bytes = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes).toString() : bytes.toString();
    response.writeHead(200, { 'content-type': 'application/json' });
    if (!request.url?.includes('_bulk')) return void response.end('{"hits":{"hits":[]},"_shards":{"failed":0}}');
    const sent = [...body.matchAll(/^\{"create":\{"_id":"(.*)"\}\}$/gm)].map(([, id]) => id as string);
    for (const id of sent) ids.add(id);
    response.end(JSON.stringify({ items: sent.map(() => ({ create: { status: 201 } })) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUps.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return { port: (server.address() as AddressInfo).port, ids };
}

function throwing(env: Record<string, string>, ...argv: string[]): Started {
  const child = spawn(process.execPath, ['--import', THROWS, MAIN, ...argv], {
    cwd: place.folder,
    env: { PATH: process.env.PATH, HOME: place.folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  cleanUps.push(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += chunk));
  child.stderr?.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<Awaited<Started['ended']>>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { child, said: () => stdout + stderr, ended };
}

const sinks = (port: number) =>
  `{ name: files, type: ndjson }\n  - { name: es, type: elasticsearch, nodes: ["http://127.0.0.1:${port}"] }`;
const PRETTY = 'log: { format: pretty }\n';

test('what a sink throws in a callback is the failure of that sink: it is opened again, and the others go on', async () => {
  place = await workplace({ detections: 60 });
  const { port, ids } = await elasticsearch();
  place.configure({ sink: sinks(port), extra: PRETTY });
  const { start } = place.simulator.range;
  // Of two connections: one asks how the sink is prepared, the other writes.
  const run = throwing({ THROW_IN: 'socket', THROW_PORT: String(port), THROW_TIMES: '2' }, 'run');
  await until(() => /2 pipelines/.test(run.said()));
  await place.sluice('backfill', '--from', start, '--json');
  await until(() => ids.size >= 60 && distinct() >= 60);
  const failed = /sink "es": its client failed: thrown in a callback; it is closed, and opened again/g;
  expect(run.said().match(failed)).toHaveLength(2);
  run.child.kill('SIGTERM');
  expect(await run.ended).toMatchObject({ code: 0 });
  expect([place.delivered().length, ids.size]).toEqual([60, 60]);
});

test('what a source throws in a callback is the failure of that source', async () => {
  place = await workplace({ detections: 60 });
  place.configure({ extra: PRETTY });
  const port = new URL(place.simulator.url).port;
  const run = throwing({ THROW_IN: 'socket', THROW_PORT: port }, 'run');
  await until(() => /1 pipeline/.test(run.said()));
  await place.sluice('backfill', '--from', place.simulator.range.start, '--json');
  expect(run.said()).toMatch(/source "acme": its client failed: thrown in a callback/);
  run.child.kill('SIGTERM');
  expect(await run.ended).toMatchObject({ code: 0 });
  expect([place.delivered().length, distinct()]).toEqual([60, 60]);
});

test('what nobody can be blamed for is said in one line, the batch at hand is delivered, and the exit code is 1', async () => {
  place = await workplace({ detections: 400 });
  place.configure({ rate: 100, extra: `${PRETTY}batch: { documents: 20 }\n` });
  const argv = ['backfill', '--from', place.simulator.range.start];
  const run = throwing({ THROW_IN: 'timer' }, ...argv);
  await until(() => existsSync(join(place.folder, 'sluice-out')) && place.delivered().length > 40);
  run.child.send('now');
  const { code, stderr } = await run.ended;
  expect(
    stderr.match(
      /^error: an unexpected failure: Error: thrown by nobody \(at .*throws\.mjs:\d+:\d+\)+; Sluice ends.*$/gm,
    ),
  ).toHaveLength(1);
  expect(stderr).not.toMatch(/^ +at /m);
  expect(code).toBe(1);
  expect(await place.sluice(...argv)).toMatchObject({ code: 0 });
  expect([place.delivered().length, distinct()]).toEqual([400, 400]);
});

test.each(['the reader of the log goes away', 'the disk under the log is full'])('%s', async (how) => {
  place = await workplace({ detections: 60 });
  const health = await freePort();
  place.configure({ extra: `health: { port: ${health} }\n` });
  const isFull = how.includes('full');
  const full = isFull ? openSync('/dev/full', 'w') : undefined;
  const child = spawn(process.execPath, [MAIN, 'run'], {
    cwd: place.folder,
    env: { PATH: process.env.PATH, HOME: place.folder },
    stdio: ['ignore', 'ignore', full ?? 'pipe'],
  });
  cleanUps.push(() => child.kill('SIGKILL'));
  if (full !== undefined) closeSync(full);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr?.once('data', () => child.stderr?.destroy());
  /** Undefined before it answers. */
  const lost = async (): Promise<number | undefined> => {
    const metrics = await fetch(`http://127.0.0.1:${health}/metrics`).then(
      (reply) => reply.text(),
      () => '',
    );
    const [, lines] = /^sluice_log_lines_lost_total (\d+)$/m.exec(metrics) ?? [];
    return lines === undefined ? undefined : Number(lines);
  };
  while ((await lost()) === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
  await place.sluice('backfill', '--from', place.simulator.range.start, '--json');
  expect([place.delivered().length, distinct()]).toEqual([60, 60]);
  child.kill('SIGHUP'); // writes a line
  while (!(await lost())) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('SIGHUP without a terminal ends nothing, and says so', async () => {
  place = await workplace({ detections: 20 });
  place.configure({ extra: PRETTY });
  const run = place.start('run');
  await until(() => /1 pipeline/.test(run.said()));
  run.child.kill('SIGHUP');
  await until(() => /the config is taken over: 1 pipeline/.test(run.said()));
  await place.sluice('backfill', '--from', place.simulator.range.start, '--json');
  expect(place.delivered()).toHaveLength(20);
  run.child.kill('SIGTERM');
  expect(await run.ended).toMatchObject({ code: 0 });
});

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** A package whose scripts start Sluice, which writes its own process id. */
function npmPackage(script: string): string {
  const folder = join(place.folder, 'package');
  mkdirSync(folder);
  const start = `${process.execPath} ${MAIN} run --config ../sluice.yaml`;
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'p', scripts: { go: script.replace('SLUICE', start) } }),
  );
  return folder;
}

async function pidOfSluice(): Promise<number> {
  for (;;) {
    const reply = await fetch(`http://127.0.0.1:${health}/metrics`).catch(() => undefined);
    if (reply?.ok) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const { stdout } = await output('sh', ['-c', `grep -l -- ${place.folder} /proc/[0-9]*/environ 2>/dev/null; true`]);
  for (const file of stdout.split('\n')) {
    const pid = Number(file.split('/')[2]);
    const command = pid > 0 ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
    if (command.includes(`${MAIN}\0run`) && command.startsWith(process.execPath)) return pid;
  }
  throw new Error('no such process');
}

let health: number;

function output(command: string, argv: string[]): Promise<{ stdout: string }> {
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'ignore'] });
  let stdout = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  return new Promise((resolve) => child.once('close', () => resolve({ stdout })));
}

test.each([
  ['npm that is ended takes Sluice with it', 'SLUICE', true],
  ['what a script of npm put into the background lives on', 'nohup SLUICE > /dev/null 2>&1 &', false],
])('%s', async (_what, script, ends) => {
  place = await workplace({ detections: 20 });
  health = await freePort();
  place.configure({ extra: `health: { port: ${health} }\n` });
  const env = { PATH: process.env.PATH, HOME: place.folder };
  const npm = spawn('npm', ['run', 'go'], { cwd: npmPackage(script), env, stdio: 'ignore' });
  const pid = await pidOfSluice();
  cleanUps.push(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
  npm.kill('SIGTERM');
  if (ends) {
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await place.sluice('run', '--once')).code).toBe(0); // the state is free
  } else {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(isAlive(pid)).toBe(true);
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
