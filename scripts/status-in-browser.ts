/**
 * The status page in Debian's `chromium`: a picture of each state, light and dark and on a phone, with axe-core looking at
 * each; then a thousand updates, and ten browsers at once. `node scripts/status-in-browser.ts FOLDER` writes the pictures.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { startServer } from '../src/observe/server/server.ts';
import { manyStreams, SCENES } from '../test/status/scenes.ts';

const [folder = 'status-pictures'] = process.argv.slice(2);
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const UPDATES = Number(process.env.UPDATES ?? 1000);
const BROWSERS = 10;
const MEASURED_S = 20;

/** The protocol of Chromium's own tools, as far as it is needed here. */
async function openBrowser() {
  const profile = mkdtempSync(join(tmpdir(), 'sluice-chromium-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-port=0'];
  const child = spawn('chromium', [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await new Promise<string>((found, failed) => {
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
      const [, address] = /DevTools listening on (\S+)/.exec(said) ?? [];
      if (address !== undefined) found(address);
    });
    child.once('exit', () => failed(new Error(`chromium ended: ${said}`)));
  });
  const socket = new WebSocket(url);
  await new Promise((opened) => socket.addEventListener('open', opened));
  const waiting = new Map<number, (reply: { result?: unknown; error?: unknown }) => void>();
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: unknown };
    if (reply.id !== undefined) waiting.get(reply.id)?.(reply);
  });
  let last = 0;
  const call = <T>(method: string, params: object = {}, sessionId?: string): Promise<T> =>
    new Promise((found, failed) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) =>
        error === undefined ? found(result as T) : failed(new Error(`${method}: ${JSON.stringify(error)}`)),
      );
      socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  return {
    async page() {
      // As a browser of its own: pages of one share six connections to a server, and each keeps one open.
      const { browserContextId } = await call<{ browserContextId: string }>('Target.createBrowserContext');
      const target = { url: 'about:blank', browserContextId };
      const { targetId } = await call<{ targetId: string }>('Target.createTarget', target);
      const { sessionId } = await call<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
      const on = <T>(method: string, params: object = {}) => call<T>(method, params, sessionId);
      await on('Page.enable');
      await on('Runtime.enable');
      return {
        on,
        close: () => call('Target.closeTarget', { targetId }),
        async run<T>(expression: string): Promise<T> {
          const { result, exceptionDetails } = await on<{ result: { value: T }; exceptionDetails?: { text: string } }>(
            'Runtime.evaluate',
            { expression, awaitPromise: true, returnByValue: true },
          );
          if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
          return result.value;
        },
      };
    },
    async close() {
      await call('Browser.close').catch(() => {});
      await new Promise((ended) => (child.exitCode === null ? child.once('exit', ended) : ended(undefined)));
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

type BrowserPage = Awaited<ReturnType<Awaited<ReturnType<typeof openBrowser>>['page']>>;

async function serve(scene: ReturnType<typeof manyStreams>, port: number) {
  const no = (): never => {
    throw new Error('nobody asked');
  };
  const health = { host: '127.0.0.1', port, hosts: [], token: () => 'a-token-of-the-script' };
  const switchboard = { pause: no, resume: no, job: no };
  const server = await startServer(health, scene.model, { log: pino({ level: 'silent' }), switchboard });
  if (server === undefined) throw new Error('it does not listen');
  return server;
}

async function look(
  page: BrowserPage,
  name: string,
  { dark, width }: { dark: boolean; width: number },
): Promise<string[]> {
  await page.on('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
  });
  await page.on('Emulation.setDeviceMetricsOverride', {
    width,
    height: 900,
    deviceScaleFactor: 1,
    mobile: width < 500,
  });
  await sleep(300);
  const wide = await page.run<number>('document.documentElement.scrollWidth');
  const violations = await page.run<string[]>(
    `${AXE}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html.slice(0, 200)))`,
  );
  const { data } = await page.on<{ data: string }>('Page.captureScreenshot', { captureBeyondViewport: true });
  writeFileSync(join(folder, `${name}.png`), Buffer.from(data, 'base64'));
  return wide > width ? [...violations, `it is ${wide} pixels wide on a screen of ${width}`] : violations;
}

async function heapOf(page: BrowserPage): Promise<number> {
  await page.on('HeapProfiler.collectGarbage');
  const { metrics } = await page.on<{ metrics: { name: string; value: number }[] }>('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? 0;
}

const port = Number(process.env.PORT ?? 18_099);
const url = `http://127.0.0.1:${port}/`;
mkdirSync(resolve(folder), { recursive: true });
const browser = await openBrowser();
let isWell = true;
const say = (what: string, ok: boolean) => {
  isWell &&= ok;
  console.log(`${ok ? 'ok  ' : 'NOT '} ${what}`);
};
try {
  for (const [name, scene] of Object.entries(SCENES).filter(([each]) => each.includes(process.env.SCENE ?? ''))) {
    const server = await serve(scene(), port);
    const page = await browser.page();
    await page.on('Page.navigate', { url });
    for (let tries = 0; tries < 50 && !(await page.run<boolean>("document.querySelector('details') !== null")); tries++)
      await sleep(100);
    await page.run(
      "document.querySelector('details').open = true; document.querySelector('summary').click(); document.querySelector('summary').click()",
    );
    for (const [as, how] of Object.entries({
      light: { dark: false, width: 1200 },
      dark: { dark: true, width: 1200 },
      phone: { dark: true, width: 390 },
    })) {
      const found = await look(page, `${name}-${as}`, how);
      say(`${name}, ${as}: ${found.length === 0 ? 'axe-core finds nothing' : found.join('; ')}`, found.length === 0);
    }
    await page.close();
    await server.close();
  }

  const scene = manyStreams();
  const server = await serve(scene, port);
  const page = await browser.page();
  await page.on('Page.navigate', { url });
  await page.on('Performance.enable');
  await sleep(3000);
  const updates = async (count: number) => {
    for (let update = 0; update < count; update++) {
      scene.live();
      const text = JSON.stringify(JSON.stringify(scene.model.made()));
      await page.run(`sluiceUpdate(${text})`);
    }
  };
  // The page's own handler, called as its event source calls it.
  await page.on('Page.addScriptToEvaluateOnNewDocument', {
    source: 'globalThis.EventSource = function () { globalThis.sluiceUpdate = (data) => this.onmessage({ data }); };',
  });
  await page.on('Page.navigate', { url });
  await sleep(1000);
  await updates(50);
  const before = await heapOf(page);
  await updates(UPDATES);
  const growth = (await heapOf(page)) - before;
  say(`${UPDATES} updates: the page grew by ${(growth / 1e6).toFixed(2)} MB`, growth <= 5e6);
  await page.close();

  const pages: BrowserPage[] = [];
  const busy = async () => {
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    while (performance.now() - startedAt < MEASURED_S * 1000) {
      scene.live();
      await sleep(500);
    }
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 1000 / (performance.now() - startedAt);
  };
  const alone = await busy();
  for (let each = 0; each < BROWSERS; each++) {
    const one = await browser.page();
    await one.on('Page.navigate', { url });
    pages.push(one);
  }
  await sleep(3000);
  const together = await busy();
  const share = together - alone;
  say(
    `${BROWSERS} browsers cost ${(share * 100).toFixed(2)} % of a CPU (${(alone * 100).toFixed(2)} % without, ${(together * 100).toFixed(2)} % with)`,
    share <= 0.02,
  );
  for (const one of pages) await one.close();
  await server.close();
} finally {
  await browser.close();
}
process.exitCode = isWell ? 0 : 1;
