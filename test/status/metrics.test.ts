/** Metrics are what they say: named after their kind, in base units, each described, and as `promtool` wants them. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { FAMILIES, metricsOf } from '../../src/observe/status/metrics.ts';
import { HOUR_MS, MINUTE_MS, walkOf, watchedPipeline } from './watched.ts';

const LABELS = 'source="acme",stream="cylance.detection",sink="files"';

function lived() {
  const pipeline = watchedPipeline({ objectiveMs: MINUTE_MS });
  const { events, traffic, sinkTraffic, now, pass, settle, statistics } = pipeline;
  statistics.objectiveMs = MINUTE_MS;
  events.began(walkOf('live'));
  for (const status of [200, 200, 429, 503, undefined]) {
    traffic.waits()(true);
    traffic.answered(status);
  }
  settle(3);
  events.acknowledged('live', [now() - 500, now() - 30_000, now() - 2 * HOUR_MS]);
  if (sinkTraffic !== undefined) Object.assign(sinkTraffic, { bytes: 4096, retries: 2, documents: 3 });
  sinkTraffic?.writes.counts.splice(2, 1, 7);
  pass(MINUTE_MS);
  return pipeline;
}

async function scraped(pipeline = lived()): Promise<string> {
  const lost = () => ({ lines: 4, why: 'EPIPE' });
  return metricsOf(pipeline.model, { lost, nodeVersion: '24.0.0' }).scrape();
}

describe('what is scraped', () => {
  test('has every counter and gauge with its labels', async () => {
    const text = await scraped();
    for (const line of [
      `sluice_stream_state{${LABELS},state="healthy"} 1`,
      `sluice_stream_state{${LABELS},state="failing"} 0`,
      `sluice_lag_seconds{${LABELS}} 60`,
      `sluice_settled_timestamp_seconds{${LABELS}} ${Date.UTC(2026, 10, 26) / 1000}`,
      `sluice_last_document_timestamp_seconds{${LABELS}} ${Date.UTC(2026, 10, 26) / 1000}`,
      `sluice_last_success_timestamp_seconds{${LABELS},walk="live"} ${Date.UTC(2026, 10, 26) / 1000}`,
      `sluice_walk_failing{${LABELS},walk="live"} 0`,
      `sluice_documents_total{${LABELS}} 3`,
      `sluice_delivery_objective_seconds{${LABELS}} 60`,
      `sluice_delivery_latency_seconds_bucket{${LABELS},le="1"} 1`,
      `sluice_delivery_latency_seconds_bucket{${LABELS},le="60"} 2`,
      `sluice_delivery_latency_seconds_bucket{${LABELS},le="7200"} 3`,
      `sluice_delivery_latency_seconds_bucket{${LABELS},le="+Inf"} 3`,
      `sluice_delivery_latency_seconds_sum{${LABELS}} 7230.5`,
      `sluice_delivery_latency_seconds_count{${LABELS}} 3`,
      `sluice_delivery_late_total{${LABELS}} 1`,
      'sluice_requests_total{source="acme",status="200"} 2',
      'sluice_requests_total{source="acme",status="none"} 1',
      'sluice_throttled_total{source="acme"} 1',
      'sluice_budget_requests_per_second{source="acme"} 10',
      'sluice_budget_rate{source="acme"} 7',
      'sluice_sink_write_seconds_bucket{sink="files",le="0.025"} 7',
      'sluice_sink_bytes_total{sink="files"} 4096',
      'sluice_sink_retries_total{sink="files"} 2',
      'sluice_log_lines_lost_total 4',
      'sluice_build_info{version="1.2.3",node="24.0.0"} 1',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toMatch(/^process_cpu_seconds_total /m);
  });

  test('passes promtool', async () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: await scraped(), encoding: 'utf8' });
    if (checked.error !== undefined) return console.log('promtool is not installed'); // `.ci/run` installs it
    expect({ code: checked.status, said: checked.stdout + checked.stderr }).toEqual({ code: 0, said: '' });
  });

  test('leaves out what is not known', async () => {
    const text = await scraped(watchedPipeline());
    for (const name of [
      'lag_seconds',
      'settled_timestamp_seconds',
      'last_document_timestamp_seconds',
      'templates_current',
    ])
      expect(text).not.toMatch(new RegExp(`^sluice_${name}\\{`, 'm'));
  });
});

test('names say what they are, and no name has another meaning', () => {
  expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  for (const { name, type, labels, help } of FAMILIES) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter');
    expect(name).toMatch(/^sluice_[a-z_]+$/);
    expect(help, name).toMatch(/^[A-Z1].*\.$/);
    expect(new Set(labels).size).toBe(labels.length);
    for (const own of ['job', 'instance']) expect(labels, 'the scraper sets it').not.toContain(own);
  }
});

test('the share of the budget is that of the last minute', () => {
  const { traffic, pass } = watchedPipeline();
  for (let second = 0; second < 60; second++) {
    for (let request = 0; request < 5; request++) traffic.waits()(true);
    pass(1000);
  }
  expect(traffic.usedRatio()).toBeCloseTo(0.5, 1);
  const over = traffic.waits();
  pass(30_000);
  expect([traffic.longestWaitMs(), traffic.waitedMs]).toEqual([30_000, 0]);
  expect(traffic.usedRatio()).toBeCloseTo(0.25, 1);
  over(false);
  expect([traffic.longestWaitMs(), traffic.waitedMs]).toEqual([0, 30_000]);
  pass(60_000);
  expect(traffic.usedRatio()).toBe(0);
});
