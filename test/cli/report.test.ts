/** `sluice report`: a page that needs nothing else, says what is true, and can be read by everybody. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { COLOURS, pageOf, type ReportFacts } from '../../src/commands/report/page.ts';
import { type Workplace, workplace } from './binary.ts';

let place: Workplace | undefined;
afterEach(() => place?.close());

const require = createRequire(import.meta.url);
const { JSDOM } = require('jsdom') as { JSDOM: new (html: string, options?: object) => { window: BrowserWindow } };

interface BrowserWindow {
  document: {
    querySelectorAll(selector: string): ArrayLike<{ textContent: string; getAttribute(name: string): string | null }>;
  };
  eval(code: string): unknown;
}

/** What axe-core finds in a page without a layout; contrast is tested below, and in a browser by hand. */
async function violations(page: string): Promise<unknown[]> {
  const { window } = new JSDOM(page, { runScripts: 'outside-only', pretendToBeVisual: true });
  window.eval(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const result = (await window.eval("axe.run({ rules: { 'color-contrast': { enabled: false } } })")) as {
    violations: { id: string; nodes: { html: string }[] }[];
    passes: unknown[];
  };
  expect(result.passes.length).toBeGreaterThan(15);
  return result.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html.slice(0, 200))]);
}

const DAY = 86_400_000;
const FROM = Date.UTC(2026, 9, 1);
const bars = Array.from({ length: 60 }, (_, index) => index % 7);

const FACTS: ReportFacts = {
  range: { fromMs: FROM, toMs: FROM + 30 * DAY },
  madeAtMs: FROM + 30 * DAY,
  version: '0.0.0-test',
  state: 'f00d',
  pipelines: [
    {
      ...{
        pipeline: 'acme/x.y/files',
        source: 'acme',
        stream: 'x.y',
        sink: 'files',
        title: '<b>"Odd" & \'title\'</b>',
      },
      ...{ isTimed: true, isOfChildren: false, vendor: { records: 200, part: 0.5, atMs: FROM + DAY } },
      ...{ records: 190, documents: 250, deleted: 4, dropped: 1 },
      rejections: [{ type: 'document_parsing_exception<script>alert(1)</script>', documents: 5 }],
      open: [
        { kind: 'never', range: { fromMs: FROM + 9 * DAY, toMs: FROM + 12 * DAY }, why: 'never read to an end' },
        {
          ...{ kind: 'unsettled', range: { fromMs: FROM + DAY, toMs: FROM + 2 * DAY } },
          why: '<img src=x onerror=alert(1)>',
        },
        { kind: 'owed', key: '<i>k</i>', range: { fromMs: FROM, toMs: FROM }, why: 'its detail could not be had' },
      ],
      ...{ forgottenUntilMs: FROM, readUntilMs: FROM + 30 * DAY },
      perTime: { partMs: DAY / 2, records: bars, deleted: bars.map((bar) => Math.min(bar, 1)), delivered: bars },
    },
  ],
};

test('the page says everything in words, escapes what others said, and nothing in it comes from elsewhere', async () => {
  const page = pageOf(FACTS);
  expect(page).toContain('&lt;b&gt;&quot;Odd&quot; &amp; &#39;title&#39;&lt;/b&gt;');
  expect(page).not.toMatch(/<script|<img|<link|https?:|url\(|@import|<[^>]* on\w+=/);
  const { window } = new JSDOM(page);
  const texts = Array.from(window.document.querySelectorAll('body *'), ({ textContent }) => textContent).join('\n');
  for (const said of [
    '200 in 50 % of the time',
    '190',
    '250',
    '1 range never read',
    '1 gap',
    '1 without their detail',
    '5 rejected',
  ])
    expect(texts).toContain(said);
  expect(texts).toMatch(/was forgotten: it is not verifiable/);
  expect(window.document.querySelectorAll('rect.gap')).toHaveLength(2);
  expect(window.document.querySelectorAll('svg[role=img][aria-label]')).toHaveLength(2);
  expect(await violations(page)).toEqual([]);
});

describe('text can be read on its ground', () => {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one: string, other: string): number => {
    const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  test.each(Object.entries(COLOURS))('%s', (_scheme, colours) => {
    for (const ground of [colours.ground, colours.panel]) {
      for (const text of [colours.text, colours.soft, colours.good, colours.bad])
        expect(contrast(text, ground)).toBeGreaterThanOrEqual(4.5);
      for (const bar of [colours.bar, colours.marked]) expect(contrast(bar, ground)).toBeGreaterThanOrEqual(3);
    }
  });
});

test('a whole tenant: the counts are those of what arrived, and the file is for its user alone', async () => {
  place = await workplace({ detections: 50 });
  place.configure();
  expect((await place.sluice('backfill', '--from', '100d')).code).toBe(0);
  expect((await place.sluice('run', '--once')).code).toBe(0);
  const json = await place.sluice('report', '--from', '100d', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({
    pipelines: [{ stream: 'cylance.detection', records: 50, documents: 50, deleted: 0, open: [] }],
  });
  const { perTime } = (JSON.parse(json.stdout) as ReportFacts).pipelines[0] as ReportFacts['pipelines'][number];
  const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);
  expect({ records: sum(perTime.records), delivered: sum(perTime.delivered) }).toEqual({ records: 50, delivered: 50 });
  const made = await place.sluice('report', '--from', '100d');
  expect(made.code, made.stderr).toBe(0);
  const file = join(place.folder, 'sluice-report.html');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toContain('Nothing is known to be missing.');
  expect((await place.sluice('report')).code).toBe(2);
  expect(existsSync(join(place.folder, 'other.html'))).toBe(false);
  expect((await place.sluice('report', '--output', 'other.html', '--from', '1d', '--to', '2d')).code).toBe(2);
});
