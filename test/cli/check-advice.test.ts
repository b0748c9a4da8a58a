/** What `check` says is to be done fits what is wrong. */
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server as TcpServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { NOBODY, SECRET, TENANT, type Workplace, workplace } from './binary.ts';
import { makeCertificates } from './certificates.ts';

let place: Workplace;
const servers: (Server | TcpServer)[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
  await place.close();
});

async function listen(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const answer: RequestListener = (_request, response) => void response.end('{"access_token":"a-token"}');
const redirect: RequestListener = (_request, response) =>
  void response.writeHead(302, { location: 'https://login.example/start?session=PLANTED' }).end();
const wantsTls: RequestListener = (_request, response) =>
  void response.writeHead(400).end('<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>');
const notFound: RequestListener = (_request, response) => void response.writeHead(404).end('no such page');

interface Target {
  scheme: 'http' | 'https';
  port: number;
  ca?: string;
}

/** A source and two sinks for each; the config is JSON, which is YAML too. */
function configure(targets: Record<string, Target>, kafka: readonly string[]): void {
  const names = Object.keys(targets);
  const of = (name: string) => targets[name] as Target;
  const trusting = ({ ca }: Target) => (ca === undefined ? {} : { ca_file: ca });
  const sources = names.map((name) => ({
    name,
    connector: 'cylance',
    streams: ['cylance.detection'],
    base_url: `${of(name).scheme}://127.0.0.1:${of(name).port}`,
    tenant_id: TENANT.tenantId,
    application_id: TENANT.applicationId,
    application_secret: SECRET,
    http: { proxy: 'none', ...trusting(of(name)) },
  }));
  const elastic = names.map((name) => ({
    name: `es_${name}`,
    type: 'elasticsearch',
    nodes: [`${of(name).scheme}://127.0.0.1:${of(name).port}`],
    ...trusting(of(name)),
  }));
  const brokers = kafka.map((name) => ({
    name: `kafka_${name}`,
    type: 'kafka',
    brokers: [`127.0.0.1:${of(name).port}`],
    tls: of(name).scheme === 'https',
    ...trusting(of(name)),
  }));
  const apex = names.map((name, index) => {
    const { streams: _, application_secret: api_key, ...same } = sources[index] as (typeof sources)[0];
    return { ...same, name: `apex_${name}`, connector: 'apex_central', api_key };
  });
  const config = { sources: [...sources, ...apex], sinks: [...elastic, ...brokers] };
  writeFileSync(join(place.folder, 'sluice.yaml'), JSON.stringify(config));
}

/** The advice for a part, by what it is about. */
function adviceIn(stdout: string, part: string): string {
  const line = stdout.split('\n').find((each) => each.startsWith(`→ ${part}, `));
  return line ?? `no advice for ${part} in:\n${stdout}`;
}

test('of certificates, ports, redirections and other servers', async () => {
  place = await workplace({ detections: 5 });
  const made = makeCertificates(place.folder);
  const plain = await listen(createHttp(answer));
  const good = await listen(createHttps(made.good, answer));
  const closing = createTcp((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end());
  });
  configure(
    {
      expired: { scheme: 'https', port: await listen(createHttps(made.expired, answer)), ca: made.expired.file },
      other: { scheme: 'https', port: await listen(createHttps(made.otherName, answer)), ca: made.otherName.file },
      unknown: { scheme: 'https', port: good },
      plain_port: { scheme: 'https', port: plain },
      tls_port: { scheme: 'http', port: good },
      closing_port: { scheme: 'https', port: await listen(closing) },
      told: { scheme: 'http', port: await listen(createHttp(wantsTls)) },
      redirecting: { scheme: 'http', port: await listen(createHttp(redirect)) },
      elsewhere: { scheme: 'http', port: await listen(createHttp(notFound)) },
    },
    ['expired', 'other', 'unknown', 'plain_port', 'tls_port', 'closing_port'],
  );
  const { code, stdout, stderr } = await place.sluice('check');
  const advice: [part: string, fits: RegExp][] = [
    ['expired', /certificate renewed.*clock/],
    ['other', /Name the server in .* as its certificate does/],
    ['unknown', /Name the PEM file of the authority that signed it in .*ca_file/],
  ];
  for (const [name, fits] of advice) {
    for (const part of [`source ${name}`, `source apex_${name}`, `sink es_${name}`, `sink kafka_${name}`])
      expect(adviceIn(stdout, part)).toMatch(fits);
  }
  const own: [part: string, fits: RegExp][] = [
    ['source plain_port', /Name the port for TLS .*, or write http:\/\/ in base_url/],
    ['sink es_plain_port', /Name the port for TLS in `nodes`.*, or write http:\/\/ in `nodes`/],
    ['sink kafka_plain_port', /Name the port for TLS in `brokers`.*, or set `tls: false`/],
    ['source closing_port', /If the port does not speak TLS: write http:\/\/ in base_url/],
    ['sink es_closing_port', /If the port does not speak TLS: write http:\/\/ in `nodes`/],
    ['sink kafka_closing_port', /`tls` and `sasl` of the sink are those of this port/],
    ['source tls_port', /If the port speaks TLS: write https:\/\/ in base_url/],
    ['sink es_tls_port', /If the port speaks TLS: write https:\/\/ in `nodes`/],
    ['sink kafka_tls_port', /`tls` and `sasl` of the sink are those of this port/],
    ['source told', /The port speaks TLS: write https:\/\/ in base_url/],
    ['sink es_told', /Write https:\/\/ in `nodes`/],
    ['source apex_plain_port', /Name the port for TLS .*, or write http:\/\/ in base_url/],
    ['source apex_tls_port', /If the port speaks TLS: write https:\/\/ in base_url/],
    ['source apex_told', /The port speaks TLS: write https:\/\/ in base_url/],
    ['source apex_redirecting', /The address redirects: set region or base_url/],
    ['source apex_elsewhere', /Check base_url of the source/],
    ['source redirecting', /The address redirects: set region or base_url/],
    ['sink es_redirecting', /Write in `nodes` of the sink where Elasticsearch itself answers/],
    ['sink es_elsewhere', /Check the address/],
    ['source elsewhere', /Check region and base_url/],
  ];
  for (const [part, fits] of own) expect(adviceIn(stdout, part)).toMatch(fits);
  expect(stdout).toContain('https://login.example/start');
  expect(stdout).not.toMatch(/refused the credentials|use-system-ca|deps\/openssl/);
  expect(stdout + stderr).not.toMatch(/PLANTED|a-secret-of-the-tests/);
  expect(code).toBe(1);
}, 120_000);

test('of folders that may not be written to', async () => {
  place = await workplace({ detections: 5 });
  const closed = join(place.folder, 'closed');
  mkdirSync(closed);
  const file = join(place.folder, 'file');
  writeFileSync(file, '');
  place.configure({
    sink: `{ name: files, type: ndjson, path: ${closed}/out }`,
    extra: `state: { path: ${closed}/state }`,
  });
  chmodSync(closed, 0o555);
  const denied = await place.sluiceAsNobody('check');
  expect(adviceIn(denied.stdout, 'sink files')).toMatch(
    /Let the user that Sluice runs as write there, or choose another/,
  );
  expect(adviceIn(denied.stdout, 'state')).toMatch(
    /state\.path is a folder on a local disk that this user may write to/,
  );
  expect(denied.code).toBe(1);
  place.configure({ sink: `{ name: files, type: ndjson, path: ${file} }`, extra: `state: { path: ${file} }` });
  const inTheWay = await place.sluice('check');
  expect(adviceIn(inTheWay.stdout, 'sink files')).toMatch(/Something else has this name: choose another path/);
  expect(adviceIn(inTheWay.stdout, 'state')).toMatch(/state\.path is a folder/);
  expect(inTheWay.code).toBe(1);
});

test('of an output folder whose parts are those of another user', async () => {
  place = await workplace({ detections: 5 });
  const out = join(place.folder, 'out');
  const inner = join(out, 'acme', 'cylance.detection');
  mkdirSync(inner, { recursive: true });
  if (process.getuid?.() === 0) chownSync(out, NOBODY, NOBODY);
  chmodSync(inner, 0o555);
  place.configure({ sink: `{ name: files, type: ndjson, path: ${out} }` });
  const denied = await place.sluiceAsNobody('check');
  expect(denied.stdout).toMatch(/✗ {2}sink files .*EACCES.*acme/);
  expect(adviceIn(denied.stdout, 'sink files')).toMatch(/Let the user that Sluice runs as write there/);
});
