/** The page in a document without a browser: what others said stays text, and elements are changed, not made anew. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { statusPage } from '../../src/observe/server/page/index.ts';
import type { Status } from '../../src/observe/status/model.ts';
import { LIST, MINUTE_MS, walkOf, watchedPipeline } from './watched.ts';

interface Element {
  textContent: string;
  hidden: boolean;
  value: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  click(): void;
}

interface BrowserWindow {
  document: {
    title: string;
    querySelector(selector: string): Element | null;
    querySelectorAll(selector: string): Iterable<Element> & ArrayLike<Element>;
    getElementById(id: string): Element | null;
  };
}

const { JSDOM } = createRequire(import.meta.url)('jsdom') as {
  JSDOM: new (html: string, options: object) => { window: BrowserWindow };
};

const EVIL = '</p><img src=x onerror="globalThis.hurt=1"><script>globalThis.hurt=1</script>';

function open(canAct = true) {
  const sent: { url: string; options: { headers: Record<string, string>; body: string } }[] = [];
  const sources: { onmessage?: (event: { data: string }) => void; onerror?: () => void }[] = [];
  const dom = new JSDOM(statusPage(canAct).html, {
    runScripts: 'dangerously',
    beforeParse(window: object) {
      Object.assign(window, {
        EventSource: function EventSource() {
          const source = {};
          sources.push(source);
          return source;
        },
        confirm: () => true,
        fetch: async (url: string, options: never) => {
          sent.push({ url, options });
          return { ok: true, json: async () => ({ message: 'pause is asked for' }) };
        },
      });
    },
  });
  const { document } = dom.window;
  return {
    dom,
    sent,
    document,
    text: (selector: string) => document.querySelector(selector)?.textContent ?? '',
    tell: (status: Status) => sources[0]?.onmessage?.({ data: JSON.stringify(status) }),
    fail: () => sources[0]?.onerror?.(),
  };
}

function failing() {
  const pipeline = watchedPipeline();
  const { events, pass, rejections } = pipeline;
  events.began(walkOf('live'));
  events.requesting('live', LIST);
  events.walkFailed(walkOf('live'), EVIL, `Do ${EVIL}`);
  rejections.push({ type: EVIL, field: EVIL, documents: 2, reason: EVIL, atMs: 0 });
  pass(3 * MINUTE_MS);
  return pipeline;
}

test('text of vendors and sinks is text', () => {
  const page = open();
  for (const details of page.document.querySelectorAll('details')) details.setAttribute('open', '');
  const status = failing().model.made();
  const job = {
    id: 3,
    kind: 'backfill',
    status: 'running',
    from: status.at,
    to: status.at,
    pipelines: [EVIL],
    part: 0.4,
  };
  status.jobs.push({ ...job, finished: 4, records: 10, delivered: 4, rejected: 0, secondsLeft: 90, behind: EVIL });
  page.tell(status);
  for (const details of page.document.querySelectorAll('details')) details.setAttribute('open', '');
  page.tell(status);
  expect(page.document.querySelectorAll('img')).toHaveLength(0);
  expect(page.document.querySelectorAll('script')).toHaveLength(1);
  expect(page.dom.window).not.toHaveProperty('hurt');
  expect(page.text('#attention')).toContain(EVIL);
  expect(page.text('#stream-list')).toContain(EVIL);
  expect(page.text('#jobs')).toContain('4 of 10 done');
  expect(page.text('#state')).toBe('failing');
  expect(page.document.title).toBe('failing: Sluice');
});

test('what changes is changed in place; what is over goes away', () => {
  const page = open();
  const pipeline = failing();
  page.tell(pipeline.model.made());
  const before = page.document.querySelectorAll('*').length;
  const card = page.document.querySelector('details');
  expect(page.text('#well')).not.toBe('');
  expect(page.document.getElementById('well')?.hidden).toBe(true);
  for (let update = 0; update < 50; update++) {
    pipeline.events.delivered('live', update, 0);
    pipeline.pass(1000);
    page.tell(pipeline.model.made());
  }
  expect(page.document.querySelector('details')).toBe(card);
  expect(page.document.querySelectorAll('*').length).toBe(before);
  pipeline.rejections.length = 0;
  pipeline.settle(1);
  page.tell(pipeline.model.made());
  expect(page.text('#state')).toBe('healthy');
  expect(page.text('#attention')).toBe('');
  expect(page.document.getElementById('well')?.hidden).toBe(false);
  expect(page.text('#news')).toBe('Sluice is healthy now');
});

test('a page without an answer says that what it shows is old', () => {
  const page = open();
  page.tell(watchedPipeline().model.made());
  page.fail();
  expect(page.document.getElementById('connection')?.hidden).toBe(false);
  expect(page.text('#connection')).toContain('old');
  page.tell(watchedPipeline().model.made());
  expect(page.document.getElementById('connection')?.hidden).toBe(true);
});

test('pausing asks with the token; without one the page only shows', async () => {
  const page = open();
  page.tell(watchedPipeline().model.made());
  const pause = [...page.document.querySelectorAll('button')].find(
    (one) => one.getAttribute('aria-label') === 'Pause all of acme',
  );
  pause?.click();
  expect(page.text('#acted')).toBe('Write the token first.');
  Object.assign(page.document.getElementById('token') ?? {}, { value: 'a-token' });
  pause?.click();
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(page.sent).toMatchObject([
    {
      url: '/api/act',
      options: { headers: { authorization: 'Bearer a-token' }, body: '{"action":"pause","source":"acme"}' },
    },
  ]);
  expect(page.text('#acted')).toContain('Done');
  const other = open(false);
  other.tell(watchedPipeline().model.made());
  expect(other.document.querySelectorAll('button')).toHaveLength(0);
  expect(other.document.getElementById('cannot-act')?.hidden).toBe(false);
});
