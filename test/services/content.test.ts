/**
 * Every query of the pack for Kibana on the real Elasticsearch, after a living tenant was shipped: against the simulator's
 * truth, and against an index without documents.
 */
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { ofStreams, toQuery } from '../../content/kibana/condition.ts';
import { PANELS } from '../../content/kibana/definitions/index.ts';
import { RULES } from '../../content/kibana/definitions/rules.ts';
import type { Panel } from '../../content/kibana/definitions/types.ts';
import { VIEWS, viewOf } from '../../content/kibana/definitions/views.ts';
import { onLatest } from '../../content/kibana/latest.ts';
import { transformOf } from '../../content/kibana/objects/vega.ts';
import { panelQuery, rowsOf, type SearchReply } from '../../content/kibana/query.ts';
import { itemsOfEach, type TruthStream } from '../../simulator/index.ts';
import { type Document, documentsOf, holds, rightRows, valuesAt, wrongRows } from '../content/evaluate.ts';
import { transformed } from '../content/vega.ts';
import { committedOf, confirmAllCommitted } from '../e2e/committed.ts';
import { differencesFrom } from '../e2e/delivered.ts';
import { refuseTrouble, runUntilQuiet } from '../e2e/kills.ts';
import { APEX, configOf, openPlace, type Place, sourceOf } from '../e2e/place.ts';
import { expectedDocuments } from '../engine/harness.ts';
import { answersOf } from './analyst.ts';
import { allHits, ask } from './data-stream.ts';
import { type ElasticsearchVersion, startElasticsearch } from './elasticsearch.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const NAMES = streams.map(({ stream }) => stream.name as TruthStream);
const LIVING = {
  ...{ arrivals: 20, statusChanges: 40, returns: 10, commentChanges: 10, responseChanges: 10, deletions: 10 },
  ...{ dwellMs: 200, everyRequests: 0, everyMs: 50, confirm: true },
  ...{ queriesGrow: 3, queriesArchived: 2, queriesDeleted: 2, filesMove: 20, itemsMove: 5, itemsDeleted: 3 },
};
const TENANT = {
  ...{ detections: 600, instaQueries: 16, resultsPerQuery: 20, retrievedFiles: 100 },
  ...{ items: itemsOfEach(40), apex: { ...APEX, footprints: 8 }, living: LIVING },
};

test.each<ElasticsearchVersion>(['9.5.3', '8.19.5'])('Elasticsearch %s', { timeout: 1_200_000 }, async (version) => {
  const node = await startElasticsearch({ version });
  cleanUps.push(node.stop);
  const place = await openPlace(TENANT);
  cleanUps.push(place.close);
  await everyQueryGivesNothing(node.url, 'before anything was shipped');
  const fromMs = Date.now();
  await ship(place, node.url);
  const toMs = Date.now();
  const documents = await delivered(place, node.url);

  const wrong: string[] = [];
  for (const panel of PANELS) {
    const { index, body } = panelQuery(panel);
    const reply = await ask<SearchReply>(node.url, 'POST', `/${index}/_search`, body);
    const rows = rowsOf(panel, reply);
    if (panel.as === 'search') {
      const there = documentsOf(panel, documents).length;
      if (reply.hits.total.value !== there)
        wrong.push(`${panel.title}: ${reply.hits.total.value} documents, not ${there}`);
      if (there === 0) wrong.push(`${panel.title} shows nothing`);
      continue;
    }
    const right = rightRows(panel, documents);
    wrong.push(...wrongRows(panel, rows, right).map((one) => `${panel.title}: ${one}`));
    if (rows.length === 0) wrong.push(`${panel.title} shows nothing`);
    if (panel.as === 'now') wrong.push(...wrongInVega(panel, reply));
  }
  expect(wrong).toEqual([]);
  await rulesFind(node.url, documents);
  await changesAreThere(node.url, documents);
  await latestSaysTheSame(node.url, documents);

  const answers = answersOf(place.simulator, { fromMs, toMs });
  for (const { question, panel, chosen, judge } of answers) {
    const { index, body } = panelQuery(panel, chosen === undefined ? [] : [chosen]);
    const rows = rowsOf(panel, await ask<SearchReply>(node.url, 'POST', `/${index}/_search`, body));
    const faults = judge(rows);
    console.log(`${question} ${rows.length} rows, ${faults.length} wrong; first: ${JSON.stringify(rows.slice(0, 3))}`);
    expect(faults, question).toEqual([]);
    expect(rows.length, question).toBeGreaterThan(0);
  }
  await emptyIndicesGiveNothing(node.url);
});

/** Until nothing changes any more. */
async function ship(place: Place, url: string): Promise<void> {
  const reading = { snapshot: '1s', child_repeat: '1s', task_poll: '100ms', detail_refresh: ['2s', '5s'] };
  const source = { streams: NAMES.filter((name) => sourceOf(name) === 'acme'), enrich_hosts: true };
  const sinks = [{ name: 'elastic', type: 'elasticsearch', nodes: [url], changes: true }];
  place.configure(
    configOf({ url: place.simulator.url, sinks, source, reading, apex: true, heartbeat: { every: '5s' } }),
  );
  const setup = await place.sluice('setup', 'elasticsearch');
  expect({ code: setup.code, stderr: setup.stderr }).toMatchObject({ code: 0 });
  const state = join(place.folder, 'sluice-state');
  const confirmer = confirmAllCommitted(place.simulator, state);
  cleanUps.push(confirmer.stop);
  const all = () => NAMES.reduce((sum, name) => sum + place.simulator.summaryOf(name).revisions, 0);
  const committed = () => committedOf(state, 'acme/cylance.%') + committedOf(state, 'acme_apex/apex_central.%');
  /** Nothing counts as there as long as something is missing, a deletion that is still to be proven, say. */
  const count = () => (committed() < all() ? committed() - 1e9 : committed());
  const ended = await runUntilQuiet(place, count, 600_000);
  refuseTrouble(ended, 'run');
  expect(ended.code).toBe(0);
  expect(place.simulator.stats()).toMatchObject({ pending: 0 });
}

/** All documents, which are those of a perfect connector. */
async function delivered(place: Place, url: string): Promise<Document[]> {
  const documents: Document[] = [];
  for (const name of NAMES) {
    const ids: string[] = [];
    for await (const { id, source } of allHits(url, `logs-${name}-${sourceOf(name)}`)) {
      ids.push(id);
      documents.push(source);
    }
    expect(differencesFrom(expectedDocuments(place.simulator, name), ids)).toEqual([]);
  }
  for await (const { source } of allHits(url, 'logs-sluice.heartbeat-*')) documents.push(source);
  return documents;
}

/** What Kibana's panel makes of the same reply. */
function wrongInVega(panel: Extract<(typeof PANELS)[number], { as: 'now' }>, reply: SearchReply): string[] {
  const { buckets } = (reply.aggregations?.records ?? { buckets: [] }) as { buckets: Record<string, unknown>[] };
  const theirs = transformed(buckets, transformOf(panel)).map(({ state, records }) => `${state}: ${records}`);
  const ours = rowsOf(panel, reply).map(({ labels, values }) => `${labels[0]}: ${values[0]}`);
  return theirs.sort().join() === ours.sort().join() ? [] : [`${panel.title}: ${theirs} in Vega, not ${ours}`];
}

/** Each rule finds what the documents say; each detection, and each of the others, once for what it is suppressed by. */
async function rulesFind(url: string, documents: readonly Document[]): Promise<void> {
  for (const { name, of, suppress } of RULES) {
    if ('esql' in of) continue;
    const condition = ofStreams(of.streams, of.where);
    const there = documents.filter((document) => holds(condition, document));
    const aggs = { each: { cardinality: { field: suppress.by[0], precision_threshold: 40_000 } } };
    const body = { size: 0, track_total_hits: true, query: toQuery(condition), aggs };
    const reply = await ask<SearchReply>(url, 'POST', `/${viewOf(of.view).pattern}/_search`, body);
    expect(reply.hits.total.value, name).toBe(there.length);
    const alerts = new Set(there.flatMap((document) => valuesAt(document, suppress.by[0] ?? '')));
    expect(reply.aggregations?.each, name).toEqual({ value: alerts.size });
    if (!of.promotes) continue;
    expect(there.length, name).toBeGreaterThan(0);
    for (const document of there) expect(valuesAt(document, 'message'), name).toHaveLength(1);
  }
  const detections = new Set(
    documents
      .filter((one) => valuesAt(one, 'data_stream.dataset')[0] === 'cylance.detection')
      .map((one) => valuesAt(one, 'event.id')[0]),
  );
  const alerts = documents.filter((one) => valuesAt(one, 'event.kind')[0] === 'alert');
  expect(alerts.length, 'each detection is an alert once').toBe(detections.size);
}

/** A copy of each later revision, in the data view of changes and in no panel. */
async function changesAreThere(url: string, documents: readonly Document[]): Promise<void> {
  const later = documents.filter((one) => Number(valuesAt(one, 'event.sequence')[0]) > 1);
  await ask(url, 'POST', `/${viewOf('changes').pattern}/_refresh`);
  const body = { size: 0, track_total_hits: true };
  const reply = await ask<SearchReply>(url, 'POST', `/${viewOf('changes').pattern}/_search`, body);
  expect(reply.hits.total.value).toBe(later.length);
  expect(later.length).toBeGreaterThan(0);
}

/** The newest revision of each record in indices of their own, as a transform makes them: panels of what is now count as much there. */
async function latestSaysTheSame(url: string, documents: readonly Document[]): Promise<void> {
  const panels = PANELS.filter((panel) => panel.as === 'now' && onLatest(panel) !== panel);
  for (const name of new Set(panels.flatMap(({ streams: of }) => of))) {
    const ours = documents.filter((one) => valuesAt(one, 'data_stream.dataset')[0] === name);
    const newest = new Map<unknown, Document>();
    for (const one of ours.toSorted(
      (a, b) => Number(valuesAt(a, 'event.sequence')[0]) - Number(valuesAt(b, 'event.sequence')[0]),
    ))
      newest.set(valuesAt(one, 'event.id')[0], one);
    await ask(url, 'PUT', `/latest-${name}-acme`, { mappings: await mappingsOf(url, name) });
    const lines = [...newest.values()].flatMap((one) =>
      [{ index: {} }, one].map((line) => `${JSON.stringify(line)}\n`),
    );
    const headers = { 'content-type': 'application/x-ndjson' };
    const reply = await fetch(`${url}/latest-${name}-acme/_bulk?refresh=true`, {
      method: 'POST',
      headers,
      body: lines.join(''),
    });
    expect(await reply.json()).toMatchObject({ errors: false });
  }
  for (const panel of panels) {
    const rows = async (one: Panel) => {
      const { index, body } = panelQuery(one);
      const shown = rowsOf(one, await ask<SearchReply>(url, 'POST', `/${index}/_search`, body));
      return shown.map(({ labels, values }) => `${labels[0]}: ${values[0]}`).sort();
    };
    expect(await rows(onLatest(panel)), panel.title).toEqual(await rows(panel));
  }
}

async function mappingsOf(url: string, stream: string): Promise<object> {
  const path = `/_index_template/_simulate_index/logs-${stream}-empty`;
  return (await ask<{ template: { mappings: object } }>(url, 'POST', path)).template.mappings;
}

/** No index, no row, and no error. */
async function everyQueryGivesNothing(
  url: string,
  when: string,
  indexOf = (pattern: string) => pattern,
): Promise<void> {
  for (const panel of PANELS) {
    const { index, body } = panelQuery(panel);
    const reply = await ask<SearchReply>(url, 'POST', `/${indexOf(index)}/_search`, body);
    expect(rowsOf(panel, reply), `${panel.title} ${when}`).toEqual([]);
  }
}

/** With every field mapped, and no document. */
async function emptyIndicesGiveNothing(url: string): Promise<void> {
  for (const name of [...NAMES, 'sluice.heartbeat']) {
    await ask(url, 'PUT', `/empty-${name}`, { mappings: await mappingsOf(url, name) });
  }
  const indexOf = (pattern: string) => pattern.replaceAll('logs-', 'empty-').replaceAll('-*', '*');
  for (const { pattern, name } of VIEWS) {
    if (name === 'changes' || name === 'latest') continue;
    const { _shards } = await ask<{ _shards: { total: number } }>(url, 'GET', `/${indexOf(pattern)}/_search?size=0`);
    expect(_shards.total).toBeGreaterThan(0);
  }
  await everyQueryGivesNothing(url, 'of empty indices', indexOf);
}
