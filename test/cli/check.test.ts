import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { SECRET, type Workplace, workplace } from './binary.ts';

let place: Workplace;
afterEach(() => place.close());

test('check shows what works, and warns of a secret in the file', async () => {
  place = await workplace({ detections: 50 });
  place.configure();
  const { code, stdout, stderr } = await place.sluice('check');
  expect(stdout).toMatch(/✓ {2}source acme +credentials +accepted/);
  expect(stdout).toMatch(/✓ {2}source acme +cylance\.detection list/);
  expect(stdout).toMatch(/✓ {2}source acme +cylance\.detection detail +can be read/);
  expect(stdout).toMatch(/✓ {2}sink files/);
  expect(stdout).toMatch(/Everything works/);
  expect(stderr).toMatch(/warning: .*a secret stands in the file/);
  expect(stdout + stderr).not.toContain(SECRET);
  expect(code).toBe(0);
});

test('check names the scope that is missing', async () => {
  place = await workplace({ detections: 50, scopes: ['opticsdetect:list'] });
  place.configure();
  const { code, stdout } = await place.sluice('check', '--json');
  const { ok, checks } = JSON.parse(stdout) as {
    ok: boolean;
    checks: { what: string; ok: boolean; advice?: string }[];
  };
  expect(checks.filter((row) => !row.ok)).toEqual([
    expect.objectContaining({ what: 'scopes', advice: expect.stringMatching(/grant .*: opticsdetect:read\. It has/) }),
    expect.objectContaining({ what: 'cylance.detection detail', detail: expect.stringContaining('opticsdetect:read') }),
  ]);
  expect({ code, ok }).toEqual({ code: 1, ok: false });
});

test('check names all scopes that are missing at once, with their streams, those of details and children too', async () => {
  const granted = ['opticsrule:list', 'device:read'];
  place = await workplace({ detections: 20, scopes: granted });
  place.configure();
  const config = join(place.folder, 'sluice.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace(/streams: .*\n/, 'keep_original: true\n'));
  const ours = streams.filter(({ connector }) => connector.name === 'cylance').map(({ stream }) => stream);
  const needed = new Set(ours.flatMap(({ about }) => about.scopes).filter((scope) => !granted.includes(scope)));
  const { code, stdout } = await place.sluice('check');
  const [row = ''] = stdout.split('\n').filter((line) => /✗ {2}source acme +scopes +missing:/.test(line));
  for (const scope of needed) {
    const users = ours.filter(({ about }) => about.scopes.includes(scope)).map(({ name }) => name);
    expect(row).toContain(`${scope} (${users.join(', ')})`);
  }
  for (const scope of granted) expect(row).not.toContain(scope);
  const advice = stdout.split('\n').filter((line) => line.startsWith('→'));
  expect(advice).toEqual([
    expect.stringMatching(/^→ source acme, scopes: For whoever administers the console: grant the application/),
  ]);
  expect(code).toBe(1);
});

test('check says where children cannot be read, though their list can', async () => {
  const faults = [{ fault: 'server-error' as const, endpoint: 'results' as const, status: 500 }];
  place = await workplace({ detections: 5, instaQueries: 6, faults });
  place.configure();
  const config = join(place.folder, 'sluice.yaml');
  const text = readFileSync(config, 'utf8').replace('[cylance.detection]', '[cylance.instaquery_result]');
  writeFileSync(config, `${text}\n`.replace('http: {', 'retry: { first_delay: 5ms, max_delay: 20ms }\n    http: {'));
  const { code, stdout, stderr } = await place.sluice('check');
  expect(stdout).toMatch(/✗ {2}source acme +cylance\.instaquery_result list +none of \d+ children can be read for now/);
  expect(stderr).toMatch(/cannot be read for now: .*answered 500/);
  expect(code).toBe(1);
});

test('a record without a key says nothing about its stream', async () => {
  place = await workplace({ detections: 5 });
  const items = [{ PhoneticId: 'no id' }, { Id: 'an-id', ReceivedTime: new Date().toISOString() }];
  const page = { page_number: 1, page_size: 20, total_pages: 1, total_number_of_items: 2, page_items: items };
  const vendor = createServer(({ url }, response) => {
    const reply = url?.startsWith('/auth') ? { access_token: 'a-token' } : url?.endsWith('/details') ? items[1] : page;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  place.configure({ url: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}` });
  const { code, stdout } = await place.sluice('check');
  vendor.closeAllConnections();
  vendor.close();
  expect(stdout).toMatch(/✓ {2}source acme +cylance\.detection list/);
  expect(stdout).toMatch(/✓ {2}source acme +cylance\.detection detail +can be read/);
  expect(code).toBe(0);
});

test('check reports a wrong secret and an unreachable sink in one go', async () => {
  place = await workplace({ detections: 50 });
  place.configure({
    secret: 'not-the-secret-of-it',
    sink: '{ name: es, type: elasticsearch, nodes: ["http://127.0.0.1:9"] }',
  });
  const { code, stdout } = await place.sluice('check');
  expect(stdout).toMatch(/✗ {2}source acme +credentials +.*refused the credentials/);
  expect(stdout).toMatch(/→ source acme, credentials: Check tenant_id, application_id and application_secret/);
  expect(stdout).toMatch(/✗ {2}sink es/);
  expect(code).toBe(1);
});

test('sample shows a record beside its document, and no secret', async () => {
  place = await workplace({ detections: 300, plantSecrets: true });
  place.configure();
  const { code, stdout, stderr } = await place.sluice('sample', 'cylance.detection', '-n', '50', '--json');
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(50);
  for (const line of lines) {
    const { record, document } = JSON.parse(line) as {
      record: { Id: string };
      document: { event: { id: string; dataset: string } };
    };
    expect(document.event).toMatchObject({ id: record.Id, dataset: 'cylance.detection' });
  }
  expect(stdout + stderr).not.toContain(SECRET);
  expect(stdout).not.toMatch(/PLANTED|hunter2/i);
  expect(code).toBe(0);
});
