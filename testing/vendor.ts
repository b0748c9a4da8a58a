/** Runs `sluice` with a connector against a server with recorded replies: once, a second time, and with failing requests. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Check } from './check.ts';

/** A request and its reply. Of several that match a request, the first is used. */
export interface Recorded {
  /** `GET /alarms?page=1`: the method, the path, and those parameters that matter. */
  request: string;
  status?: number;
  /** The body of the reply, as a JSON value. */
  reply: unknown;
}

export interface VendorCase {
  /** The absolute path of the module, for `connectors` of the config. */
  module: string;
  /** A source of the connector in the config; `URL` in a text is replaced by the address of the recorded server. */
  source: Record<string, unknown>;
  /** The secrets in the environment, by name: no output may hold one of them. */
  secrets: Record<string, string>;
  recorded: readonly Recorded[];
  /** The number of documents that must arrive. */
  documents: number;
}

type Trouble = 'none' | '500' | '429' | 'truncated' | 'reset';

/** The program, beside the sources or beside the build. */
const MAIN = ['..', '../..']
  .map((up) => join(import.meta.dirname, up, 'bin', 'sluice.js'))
  .find((path) => existsSync(path)) as string;

export function vendorChecks(one: VendorCase): Check[] {
  const troubles: Trouble[] = ['500', '429', 'truncated', 'reset'];
  return [
    {
      name: 'check says that everything works',
      run: () =>
        within(one, 'none', async ({ sluice }) => {
          const { code, said } = await sluice('check');
          assert.equal(code, 0, said);
        }),
    },
    {
      name: 'everything arrives once, and a second run has nothing to do',
      run: () =>
        within(one, 'none', async ({ sluice, delivered, unexpected }) => {
          for (let time = 1; time <= 2; time++) {
            const { code, said } = await sluice('run', '--once');
            assert.equal(code, 0, said);
            assert.equal(delivered().length, one.documents, said);
          }
          assert.equal(new Set(delivered()).size, one.documents);
          assert.deepEqual(unexpected, [], 'requests that the recording has no answer for');
        }),
    },
    ...troubles.map((trouble) => ({
      name: `every third request meets trouble (${trouble}): the same arrives, once, in the next run at the latest`,
      run: () =>
        within(one, trouble, async ({ sluice, delivered, mend }) => {
          const { code, said } = await sluice('run', '--once');
          assert.equal(code, 0, said);
          mend();
          await sluice('run', '--once');
          assert.deepEqual([delivered().length, new Set(delivered()).size], [one.documents, one.documents], said);
        }),
    })),
  ];
}

interface Scene {
  sluice(...argv: string[]): Promise<{ code: number | null; said: string }>;
  /** The ids of the documents that were written. */
  delivered(): string[];
  /** Requests without a recorded reply. */
  unexpected: string[];
  /** Lets all requests succeed from now on. */
  mend(): void;
}

async function within(one: VendorCase, trouble: Trouble, work: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-testing-'));
  const unexpected: string[] = [];
  let requests = 0;
  let isMended = false;
  const server = createServer((request, response) => {
    const found = one.recorded.find((recorded) => fits(recorded, `${request.method} ${request.url}`));
    if (found === undefined) unexpected.push(`${request.method} ${request.url}`);
    const isHarmed = !isMended && trouble !== 'none' && ++requests % 3 === 1;
    const text = JSON.stringify(found?.reply ?? { message: 'not recorded' });
    const answer = (status: number, body: string, more = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...more }).end(body);
    if (isHarmed && trouble === 'reset') return void request.socket.destroy();
    if (isHarmed && trouble === '500') return void answer(500, '{}');
    if (isHarmed && trouble === '429') return void answer(429, '{}', { 'retry-after': '1' });
    answer(found === undefined ? 404 : (found.status ?? 200), isHarmed ? text.slice(0, text.length / 2) : text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const source = JSON.parse(JSON.stringify(one.source).replaceAll('URL', url)) as object;
  const config = {
    connectors: [one.module],
    sources: [
      {
        ...{ name: 'test', rate: { requests_per_second: 1000 }, http: { proxy: 'none' } },
        ...{ retry: { first_delay: '10ms', max_delay: '100ms', deadline: '30s' }, reading: { lookback: '3650d' } },
        ...source,
      },
    ],
    sinks: [{ name: 'files', type: 'ndjson', path: 'out' }],
  };
  writeFileSync(join(folder, 'sluice.yaml'), JSON.stringify(config));
  let written = '';
  const scene: Scene = {
    unexpected,
    mend: () => {
      isMended = true;
    },
    async sluice(...argv) {
      const env = { PATH: process.env.PATH, HOME: folder, ...one.secrets };
      const child = spawn(process.execPath, [MAIN, ...argv], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      written += said;
      return { code, said };
    },
    delivered: () => documentsIn(join(folder, 'out')).map(({ event: { id, hash } }) => `${id} ${hash}`),
  };
  try {
    await work(scene);
    written += JSON.stringify(documentsIn(join(folder, 'out')));
    const shown = Object.entries(one.secrets).filter(([, secret]) => written.includes(secret));
    assert.deepEqual(
      shown.map(([name]) => name),
      [],
      'secrets that were written',
    );
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function fits({ request }: Recorded, asked: string): boolean {
  const [method, address = ''] = request.split(' ');
  const [askedMethod, askedAddress = ''] = asked.split(' ');
  const [wanted, found] = [new URL(address, 'http://recorded'), new URL(askedAddress, 'http://recorded')];
  const isSame = method === askedMethod && wanted.pathname === found.pathname;
  return isSame && [...wanted.searchParams].every(([name, value]) => found.searchParams.get(name) === value);
}

interface Document {
  event: { id: string; hash: string };
}

function documentsIn(folder: string): Document[] {
  let files: string[];
  try {
    files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return []; // nothing was written yet
  }
  return files
    .filter((file) => /\.ndjson(\.part)?$/.test(file) && dirname(file) !== '.')
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean))
    .map((line) => JSON.parse(line) as Document);
}
