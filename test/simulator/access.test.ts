import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runSimulator } from '../../simulator/index.ts';
import { APPLICATION, askToken, authToken, call, readerOf, SEED, start, withSimulator } from './client.ts';

const now = () => Math.floor(Date.now() / 1000);

describe('tokens', () => {
  test('a good token is traded for one that says how long it lives and what it may', async () => {
    const scopes = ['opticsdetect:list', 'opticsdetect:read'];
    await withSimulator({ tokenSeconds: 900, scopes }, async (simulator) => {
      const { status, json } = await askToken(simulator.url, authToken());
      expect(status).toBe(200);
      const claims = JSON.parse(Buffer.from(json.access_token.split('.')[1], 'base64url').toString());
      expect(claims.exp - claims.iat).toBe(900);
      expect(Math.abs(claims.iat - now())).toBeLessThan(60);
      expect(claims.scp).toEqual(scopes);
      expect(simulator.stats().tokens).toBe(2);
    });
  });

  const refused: [why: string, claims: () => Record<string, unknown>, status: number][] = [
    ['another issuer', () => ({ iss: 'https://cylance.com' }), 401],
    ['a life of more than 30 minutes', () => ({ exp: now() + 1801 }), 401],
    ['an expiry in the past', () => ({ iat: now() - 1900, exp: now() - 100 }), 401],
    ['an issue time in the future', () => ({ iat: now() + 300, exp: now() + 1000 }), 401],
    ['a missing expiry', () => ({ exp: undefined }), 401],
    ['another application', () => ({ sub: 'somebody' }), 401],
    ['no jti', () => ({ jti: undefined }), 401],
    ['another tenant', () => ({ tid: 'elsewhere' }), 400],
    ['no tenant', () => ({ tid: undefined }), 400],
  ];
  test('wrong claims, a wrong secret and a wrong body are refused', async () => {
    await withSimulator({}, async ({ url }) => {
      for (const [why, claims, status] of refused) {
        const answer = await askToken(url, authToken(claims()));
        expect(answer.status, why).toBe(status);
        expect(answer.json.message, why).toBeTypeOf('string');
      }
      expect((await askToken(url, authToken({}, 'wrong'))).status).toBe(401);
      expect((await askToken(url, authToken({}, APPLICATION.applicationSecret, 'none'))).status).toBe(401);
      expect((await askToken(url, 'a.b.c')).status).toBe(401);
      expect((await call(`${url}/auth/v2/token`, { method: 'POST', body: '{}' })).status).toBe(400);
    });
  });

  test('a jti works once; a clock that is wrong by seconds is tolerated', async () => {
    await withSimulator({}, async ({ url }) => {
      const token = authToken({ jti: 'once' });
      expect((await askToken(url, token)).status).toBe(200);
      expect((await askToken(url, token)).status).toBe(401);
      expect((await askToken(url, authToken({ iat: now() + 30 }))).status).toBe(200);
    });
  });

  test('calls need a living token', async () => {
    await withSimulator({ tokenSeconds: 1 }, async ({ url }) => {
      expect((await call(`${url}/detections/v2`)).status).toBe(401);
      expect((await call(`${url}/detections/v2`, { headers: { Authorization: 'Bearer x.y.z' } })).status).toBe(401);
      const reader = await readerOf(url);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      expect((await reader.get('/detections/v2')).status).toBe(401);
      reader.close();
    });
  });
});

describe('scopes', () => {
  test('each endpoint asks for its own; asking for more than was granted gives no more', async () => {
    await withSimulator({ detections: 30 }, async (simulator, all) => {
      const id = (await all.get('/detections/v2')).json.page_items[0].Id;
      const paths = ['/detections/v2', '/detections/v2/recent', '/detections/v2/csv', `/detections/v2/${id}/details`];
      const statuses = async (scp: unknown) => {
        const reader = await readerOf(simulator.url, { scp });
        const answers = await Promise.all(paths.map((path) => reader.get(path)));
        reader.close();
        return answers.map(({ status }) => status);
      };
      expect(await statuses('opticsdetect:list')).toEqual([200, 200, 200, 403]);
      expect(await statuses(['opticsdetect:read'])).toEqual([403, 403, 403, 200]);
      expect(await statuses('opticsdetect:list opticsdetect:read device:list')).toEqual([200, 200, 200, 200]);
      const narrow = await start({ detections: 30, scopes: ['opticsdetect:list'] });
      const reader = await readerOf(narrow.url, { scp: ['opticsdetect:list', 'opticsdetect:read'] });
      const refusal = await reader.get(`/detections/v2/${id}/details`);
      expect(refusal.json).toEqual({ status: 'ACCESS_DENIED', message: 'insufficient privileges' });
      reader.close();
      await narrow.close();
    });
  });
});

describe('the surface', () => {
  test('whatever would change something is refused and counted', async () => {
    await withSimulator({}, async (simulator, reader) => {
      for (const method of ['POST', 'DELETE', 'PUT']) {
        expect((await reader.get('/detections/v2', { method })).status).toBe(405);
      }
      expect((await reader.get('/detections/v2/some-id', { method: 'DELETE' })).status).toBe(405);
      expect(simulator.stats()).toMatchObject({ forbiddenCalls: 4, byStatus: { 405: 4 } });
      expect((await reader.get('/elsewhere')).status).toBe(404);
    });
  });

  test('recent counts what came after a time', async () => {
    await withSimulator({ detections: 400 }, async (_, reader) => {
      const items = await reader.all();
      const since = new Date(Date.now()).toISOString();
      expect((await reader.get(`/detections/v2/recent?since=${since}`)).json).toEqual({
        num_after: 0,
        num_unaddressed: 0,
      });
      const open = items.filter((item) => item.Status === 'New').length;
      const expected = { num_after: 400, num_unaddressed: open };
      expect((await reader.get('/detections/v2/recent')).json).toEqual(expected);
      expect((await reader.get('/detections/v2/recent?since=x')).status).toBe(400);
    });
  });

  test('the CSV export is not paged and takes filters', async () => {
    await withSimulator({ detections: 900 }, async (_, reader) => {
      const all = (await reader.get('/detections/v2/csv?page=2&page_size=3')).text.trimEnd().split('\r\n');
      expect(all).toHaveLength(901);
      const high = await reader.all('&severity=High');
      expect((await reader.get('/detections/v2/csv?severity=High')).text.match(/\r\n/g)).toHaveLength(high.length + 1);
    });
  });

  test('replies are compressed only when the option is set and the client accepts it', async () => {
    for (const gzip of [true, false]) {
      await withSimulator({ gzip, detections: 100 }, async ({ url }, reader) => {
        const answer = await reader.get('/detections/v2', { headers: { 'Accept-Encoding': 'gzip, br' } });
        expect(answer.headers['content-encoding']).toBe(gzip ? 'gzip' : undefined);
        const plain = await reader.get('/detections/v2');
        expect(plain.headers['content-encoding']).toBeUndefined();
        expect(url).toMatch(/^http:/);
      });
    }
  });

  test('HTTPS is served beside HTTP', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simulator-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...names],
      { stdio: 'ignore' },
    );
    const tls = { key: readFileSync(key), cert: readFileSync(cert) };
    rmSync(folder, { recursive: true });
    const faults = [{ fault: 'reset' as const, endpoint: 'recent' as const }];
    await withSimulator({ tls, faults, detections: 30 }, async (simulator, plain) => {
      const secure = await readerOf(simulator.httpsUrl ?? '');
      expect((await secure.get('/detections/v2')).json).toEqual((await plain.get('/detections/v2')).json);
      await expect(secure.get('/detections/v2/recent')).rejects.toThrow();
    });
  });

  test('the command says that it is ready', async () => {
    let text = '';
    const out = {
      write: (chunk: string) => {
        text += chunk;
      },
    };
    const simulator = await runSimulator({ seed: SEED, detections: 5, ...APPLICATION }, out);
    expect(text).toBe(`sluice simulator ready ${simulator.url}\n`);
    await simulator.close();
    await expect(call(simulator.url)).rejects.toThrow();
  });
});
