/** What watches Sluice: the Grafana board and the alert rules for Prometheus ask for metrics that there are. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { grafanaBoard } from '../scripts/grafana/board.ts';
import { type Query, ROWS, STATE_NUMBERS } from '../scripts/grafana/panels.ts';

const ROOT = join(import.meta.dirname, '..');
const RULES = join(ROOT, 'content', 'prometheus', 'sluice.rules.yml');
const folder = mkdtempSync(join(tmpdir(), 'sluice-monitoring-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Metric {
  name: string;
  type: string;
  labels: string[];
}

/** As docs/metrics.md lists them, which is made from what `/metrics` serves. */
const metrics = new Map(
  [...readFileSync(join(ROOT, 'docs', 'metrics.md'), 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(
    ([, name = '', type = '', labels = '']): [string, Metric] => [
      name,
      { name, type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
    ],
  ),
);

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const panels = ROWS.flatMap((row) => row.panels);
const queries = panels.flatMap((panel) => panel.queries.map((query): [string, Query] => [panel.title, query]));

/** As Grafana sends it, with everything chosen. */
function asSent({ expr }: Query): string {
  return expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(?:source|stream|sink)\b/g, '.*');
}

function promtool(...args: string[]): { code: number | null; said: string } | undefined {
  const { status, stdout, stderr, error } = spawnSync('promtool', args, { encoding: 'utf8' });
  if (error === undefined) return { code: status, said: stdout + stderr };
  console.log('promtool is not installed'); // `.ci/run` installs it
  return undefined;
}

test.each([
  ...rules.map(({ alert, expr }) => [`rule ${alert}`, expr] as const),
  ...queries.map(([title, query]) => [`panel ${title}`, asSent(query)] as const),
])('%s asks for metrics that there are, by labels that they have', (_what, expr) => {
  const names = [...expr.matchAll(/\bsluice_\w+/g)].map(([name]) => name);
  for (const name of names) {
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(?:bucket|count|sum)$/, ''));
    expect(metric, name).toBeDefined();
    if (metric !== undefined) expect(name !== metric.name, name).toBe(metric.type === 'histogram');
    const asked = new RegExp(`${name}\\{([^}]*)\\}`).exec(expr)?.[1] ?? '';
    for (const [, label] of asked.matchAll(/(\w+)=/g)) expect(metric?.labels, `${name}{${label}}`).toContain(label);
  }
});

test('every alert says how bad it is, what is wrong, and what to do', () => {
  expect(rules.length).toBeGreaterThan(15);
  for (const { alert, labels, annotations } of rules) {
    expect(['critical', 'warning'], alert).toContain(labels.severity);
    expect(annotations.summary.length, alert).toBeGreaterThan(20);
    expect(annotations.description, alert).toMatch(/\.$/);
  }
});

test('the rules do in each scenario what they should', { timeout: 300_000 }, () => {
  const checked = promtool('check', 'rules', RULES);
  if (checked !== undefined) expect(checked).toMatchObject({ code: 0, said: expect.stringContaining('SUCCESS') });
  const tested = promtool('test', 'rules', RULES.replace('.yml', '.test.yml'));
  if (tested !== undefined) expect(tested).toEqual({ code: 0, said: expect.stringContaining('SUCCESS') });
  const scenarios = readFileSync(RULES.replace('.yml', '.test.yml'), 'utf8');
  for (const { alert } of rules) expect(scenarios, 'a scenario of its own').toContain(`alertname: ${alert}\n`);
});

test('every panel shows something of a Sluice that runs', { timeout: 300_000 }, () => {
  const series = [...metrics.values()].flatMap(seriesOf);
  const process = ['process_cpu_seconds_total', 'process_resident_memory_bytes'].map((name) => ({
    series: `${name}{job="sluice",instance="a"}`,
    values: '0+1x60',
  }));
  const file = join(folder, 'panels.yml');
  const expressions = queries.map(([, query]) => ({
    ...{ expr: `count(${asSent(query)}) > bool 0`, eval_time: '50m' },
    exp_samples: [{ labels: '{}', value: 1 }],
  }));
  const one = { interval: '1m', input_series: [...series, ...process], promql_expr_test: expressions };
  writeFileSync(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: '1m', tests: [one] }));
  const tested = promtool('test', 'rules', file);
  if (tested !== undefined) expect(tested).toEqual({ code: 0, said: expect.stringContaining('SUCCESS') });
});

/** A series that grows for each label, and one for each state. */
function seriesOf({ name, type, labels }: Metric): { series: string; values: string }[] {
  const all = [...labels.filter((label) => label !== 'state'), 'job', 'instance']; // the last two are the scraper's
  const given = all.map((label) => `${label}="${label === 'job' ? 'sluice' : 'a'}"`);
  const one = (member: string, more: string[], values = '0+1x60') => ({
    series: `${member}{${[...given, ...more].join(',')}}`,
    values,
  });
  if (type === 'histogram')
    return [one(`${name}_count`, []), ...['1', '10', '+Inf'].map((le) => one(`${name}_bucket`, [`le="${le}"`]))];
  if (labels.includes('state'))
    return Object.keys(STATE_NUMBERS).map((state) => one(name, [`state="${state}"`], '1x60'));
  return [one(name, [], type === 'counter' ? undefined : '1x60')];
}

test('the board has a place for each panel, and every reference leads somewhere', () => {
  const board = grafanaBoard() as {
    panels: { id: number; type: string; gridPos: { x: number; y: number; w: number; h: number }; targets?: object[] }[];
    templating: { list: { name: string }[] };
  };
  const shown = board.panels;
  expect(new Set(shown.map(({ id }) => id)).size).toBe(shown.length);
  expect(shown.filter(({ type }) => type !== 'row')).toHaveLength(panels.length);
  const taken = new Set<string>();
  for (const {
    gridPos: { x, y, w, h },
  } of shown) {
    expect(x + w).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++)
      for (let line = y; line < y + h; line++) {
        expect(taken.has(`${column} ${line}`)).toBe(false);
        taken.add(`${column} ${line}`);
      }
  }
  const variables = new Set(board.templating.list.map(({ name }) => name));
  const used = [...JSON.stringify(board).matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
  expect(used.filter((name) => !variables.has(name) && !name.startsWith('__'))).toEqual([]);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});
