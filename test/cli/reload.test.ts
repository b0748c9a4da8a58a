/** `sluice reload` and SIGHUP: what is taken over, what is refused, and that everything goes on either way. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type Started, until, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

const file = () => join(place.folder, 'sluice.yaml');
const change = (from: string | RegExp, to: string) =>
  writeFileSync(
    file(),
    readFileSync(file(), 'utf8').replace(from, () => to),
  );

const delivered = () => (existsSync(join(place.folder, 'sluice-out')) ? place.delivered() : []);

async function running(extra = ''): Promise<Started> {
  place = await workplace({ detections: 40, items: { devices: 12 } });
  place.configure({ extra: `log: { format: pretty }\n${extra}` });
  change('    http:', '    reading: { lookback: 3650d, poll: 1s }\n    http:');
  const run = place.start('run');
  await until(() => /Sluice \S+: 1 pipeline/.test(run.said()));
  return run;
}

async function stopped(run: Started): Promise<void> {
  run.child.kill('SIGTERM');
  expect(await run.ended).toMatchObject({ code: 0 });
}

test('streams, sinks and limits come and go, and nothing is sent twice', { timeout: 120_000 }, async () => {
  const run = await running();
  await until(() => delivered().length === 40);
  change('[cylance.detection]', '[cylance.detection, cylance.device]');
  change('requests_per_second: 5000', 'requests_per_second: 4000');
  const more = await place.sluice('reload');
  const device = 'new: acme/cylance.device/files';
  expect(more).toMatchObject({ code: 0, stdout: `the config is taken over: 1 pipeline as before; ${device}\n` });
  await until(() => delivered().length === 52);
  change('[cylance.detection, cylance.device]', '[cylance.device]');
  change('name: files, type: ndjson', 'name: other, type: ndjson, path: ./other');
  const fewer = await place.sluice('reload', '--json');
  expect(JSON.parse(fewer.stdout)).toMatchObject({
    taken: true,
    message: expect.stringMatching(/new: .*\/other; removed: /),
  });
  change('[cylance.device]', '[cylance.detection]');
  change('name: other, type: ndjson, path: ./other', 'name: files, type: ndjson');
  expect((await place.sluice('reload')).code).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await stopped(run);
  const verified = await place.sluice('verify', '--from', '3650d', '--json');
  expect(JSON.parse(verified.stdout)).toMatchObject({ clean: true, held: 40, doubled: 0 });
});

test('a config that is wrong is refused with the reason, and everything goes on', { timeout: 60_000 }, async () => {
  const run = await running();
  change('type: ndjson', 'type: nothing');
  run.child.kill('SIGHUP');
  await until(() => /the config is not taken over, everything goes on as before: .*nothing/.test(run.said()));
  const asked = await place.sluice('reload');
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('"nothing"') });
  place.configure({ extra: 'state: { path: ./elsewhere }' });
  run.child.kill('SIGHUP');
  await until(() => /state\.path is another one: that takes a restart/.test(run.said()));
  await until(() => delivered().length === 40);
  await stopped(run);
});

test('one that cannot be begun with gives way to the one before', { timeout: 60_000 }, async () => {
  const run = await running();
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  appendFileSync(file(), `\nhealth: { port: ${port} }\n`);
  const asked = await place.sluice('reload');
  expect(asked).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`health cannot listen on 127.0.0.1:${port}`),
  });
  await until(() => delivered().length === 40);
  taken.close();
  await stopped(run);
});

test('what does not run, or reads its config once, says so', { timeout: 60_000 }, async () => {
  const run = await running();
  await until(() => delivered().length === 40);
  await stopped(run);
  const { code, stderr } = await place.sluice('reload');
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('no Sluice is running') });
});
