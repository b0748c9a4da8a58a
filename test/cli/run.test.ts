import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startProxy } from '../services/proxy.ts';
import { SECRET, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a running Sluice: health, a second process, a backfill handed over, SIGTERM', async () => {
  place = await workplace({ detections: 200 });
  const port = await freePort();
  place.configure({ extra: `health: { port: ${port} }\nlog: { format: pretty }\n` });
  const running = place.start('run');
  await until(() => /Sluice .*: 1 pipeline/.test(running.said()));

  const second = await place.sluice('run');
  expect(second.stderr).toMatch(/error: another Sluice process is using the state in .*\n→ Stop that process first/);
  expect(second.code).toBe(1);

  const { start } = place.simulator.range;
  const handed = await place.sluice('backfill', '--from', start, '--json');
  expect(handed.stderr).toMatch(/the running Sluice does the work/);
  expect(JSON.parse(handed.stdout)).toMatchObject({ done: true });
  expect(place.delivered()).toHaveLength(200);

  expect(await place.sluice('health')).toMatchObject({ code: 0, stdout: 'ok\n' });
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then((reply) => reply.text());
  expect(metrics).toMatch(/sluice_documents_total\{source="acme",stream="cylance\.detection",sink="files"\} 200/);

  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(ended.code).toBe(0);
  expect(ended.stderr).toMatch(/summary.*"sluice\.delivered":200,"sluice\.rejected":0/);
  expect(ended.stderr).toMatch(/stopped: everything that was read is delivered/);
  expect((await place.sluice('health')).code).toBe(1);
});

test('a pipeline that stops says why, once; when none is left, the exit code is 1', async () => {
  place = await workplace({ detections: 20, scopes: ['opticsdetect:read'] });
  place.configure({ extra: 'log: { format: pretty }\n' });
  const { code, stderr } = await place.sluice('run');
  expect(stderr.match(/the scope "opticsdetect:list" is missing/g)).toHaveLength(1);
  expect(stderr).toMatch(/error: no pipeline is left running/);
  expect(code).toBe(1);
});

test('a pipeline that has stopped is told by health and by the exit code, though another one goes on', async () => {
  place = await workplace({ detections: 20, scopes: ['opticsdetect:list', 'opticsdetect:read'] });
  const port = await freePort();
  place.configure({ extra: `health: { port: ${port} }\nlog: { format: pretty }\n` });
  const file = join(place.folder, 'sluice.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('[cylance.detection]', '[cylance.detection, cylance.device]'));
  const running = place.start('run');
  await until(() => /cylance\.device\/files has stopped/.test(running.said()));
  const { code, stdout } = await place.sluice('health');
  expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('"device:list" is missing') });
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(ended.stderr).toMatch(/error: 1 pipeline failed \(acme\/cylance\.device\/files\)/);
  expect(ended.code).toBe(1);
});

test('a backfill that the vendor refuses is given up; the next one and the live edge go on', async () => {
  place = await workplace({ detections: 50 });
  const retention = Date.parse(place.simulator.range.start) - 7_200_000;
  const isTooOld = (start: string | null) => start !== null && Date.parse(start) < retention;
  const proxy = await startProxy(place.simulator.url, ({ query }) =>
    isTooOld(query.get('start')) ? { status: 400, body: { message: 'beyond the retention' } } : 'forward',
  );
  try {
    place.configure({ url: proxy.url, extra: 'log: { format: pretty }\n' });
    for (let start = 1; start <= 2; start++) {
      const running = place.start('run');
      await until(() => /Sluice .*: 1 pipeline/.test(running.said()));
      const refused = await place.sluice('backfill', '--from', '2001-01-01', '--to', '2030-01-01');
      expect(refused.stderr).toMatch(/backfill 1 is not finished: .* answered 400: .*beyond the retention/);
      expect(refused.code).toBe(1);
      const possible = await place.sluice('backfill', '--from', place.simulator.range.start, '--json');
      expect(JSON.parse(possible.stdout)).toMatchObject({ done: true });
      expect(place.delivered()).toHaveLength(50);
      running.child.kill('SIGTERM');
      const ended = await running.ended;
      expect(ended.stderr.match(/backfill-1 is given up, everything else goes on/g)).toHaveLength(1);
      expect(ended.code).toBe(0);
    }
  } finally {
    await proxy.stop();
  }
}, 60_000);

test('a sink that cannot be reached is waited for; SIGTERM still ends it cleanly', async () => {
  place = await workplace({ detections: 20 });
  place.configure({
    sink: '{ name: es, type: elasticsearch, nodes: ["http://127.0.0.1:9"] }',
    extra: 'log: { format: pretty }\n',
  });
  const running = place.start('run');
  await until(() => /127\.0\.0\.1:9/.test(running.said()));
  running.child.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  expect(stderr).not.toMatch(/has stopped|refused/);
  expect(code).toBe(0);
});

test('a wrong secret is waited for: failing until the file has the right one, without a restart', async () => {
  place = await workplace({ detections: 20 });
  const port = await freePort();
  const secret = join(place.folder, 'secret');
  writeFileSync(secret, 'not-the-secret-of-it\n');
  const extra = `health: { port: ${port} }\nlog: { format: pretty }\n`;
  place.configure({ secret: `file:${secret}`, extra });
  for (const command of [['run', '--once'], ['check']]) {
    const { code, stdout, stderr } = await place.sluice(...command);
    expect([code, stdout + stderr]).toEqual([1, expect.stringMatching(/refused the credentials \(HTTP 401\)/)]);
  }
  const running = place.start('run');
  await until(() =>
    /no request of this source gets through for now: .*refused the credentials.* → Check/.test(running.said()),
  );
  const failing = await place.sluice('health');
  expect(failing).toMatchObject({ code: 1, stdout: expect.stringContaining('refused the credentials (HTTP 401)') });
  writeFileSync(secret, `${SECRET}\n`);
  let health = failing;
  while (health.code !== 0) health = await place.sluice('health');
  expect(await place.sluice('backfill', '--from', place.simulator.range.start)).toMatchObject({ code: 0 });
  expect(place.delivered()).toHaveLength(20);
  running.child.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  expect(code).toBe(0);
  expect(stderr).not.toMatch(/has stopped|not-the-secret-of-it|then trying again/);
}, 120_000);

test('another tenant under the same name is refused before anything reads as deleted', async () => {
  place = await workplace({ detections: 20 });
  place.configure();
  expect((await place.sluice('backfill', '--from', '400d')).code).toBe(0);
  const file = join(place.folder, 'sluice.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('tenant-1', 'tenant-2'));
  const refused = await place.sluice('run', '--once');
  expect(refused.stderr).toMatch(
    /source "acme" is tenant tenant-2 now, but what is remembered for it is of tenant tenant-1/,
  );
  expect(refused.code).toBe(2);
  expect((await place.sluice('state', 'reset', '--all', '--yes')).code).toBe(0);
  expect((await place.sluice('run', '--once')).stderr).toMatch(/refused the credentials/);
  expect(place.delivered()).toHaveLength(20);
});
