/** What `sluice load` answers by HTTP: health and metrics. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { messageOf, stopError } from '../../api/errors.ts';
import { type LoadStatistics, lagOf } from '../../load/statistics.ts';
import type { Logger } from '../log.ts';

export interface LoadServer {
  port: number;
  close(): Promise<void>;
}

export interface LoadServerTools {
  host: string;
  /** 0: any. */
  port: number;
  group: string;
  log: Logger;
  now: () => number;
  /** Makes what others say safe to show; as it is, where it is left out. */
  show?: (text: string) => string;
}

/** Without progress for so long, it is not ready; for so long, a person has to look. */
const READY_MS = 120_000;
const ALIVE_MS = 3_600_000;

export const LOAD_METRICS = [
  {
    name: 'sluice_load_lag',
    labels: ['topic', 'partition'],
    help: 'Offsets between what is loaded and the end of the partition, for the partitions that this instance is in charge of.',
  },
  {
    name: 'sluice_load_committed_offset',
    labels: ['topic', 'partition'],
    help: 'Everything before this offset is in Elasticsearch or kept aside.',
  },
  {
    name: 'sluice_load_records',
    labels: ['topic', 'outcome'],
    help: "Records since the start: delivered, there (found from an earlier try), refused, strangers (none of Sluice's), removed (by the retention, before they were loaded).",
  },
  {
    name: 'sluice_load_progress_timestamp_seconds',
    labels: [],
    help: 'When something was committed last, or nothing was left to do.',
  },
  { name: 'sluice_load_held_bytes', labels: [], help: 'Records in memory that wait for Elasticsearch.' },
] as const;

export async function startLoadServer(
  statistics: LoadStatistics,
  { host, port, group, log, now, show = (text) => text }: LoadServerTools,
): Promise<LoadServer> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const [lag, committed, records, progress, held] = LOAD_METRICS.map(
    ({ name, labels, help }) => new Gauge({ name, help, labelNames: [...labels] as string[], registers: [registry] }),
  ) as [Gauge, Gauge, Gauge, Gauge, Gauge];
  const scrape = (): Promise<string> => {
    for (const gauge of [lag, committed, records]) gauge.reset();
    for (const each of statistics.partitions.values()) {
      const labels = { topic: each.topic, partition: String(each.partition) };
      lag.set(labels, lagOf(each));
      committed.set(labels, Number(each.committed));
    }
    for (const [topic, { records: _, ...counts }] of statistics.topics)
      for (const [outcome, count] of Object.entries(counts)) records.set({ topic, outcome }, count);
    progress.set(statistics.progressMs / 1000);
    held.set(statistics.heldBytes);
    return registry.metrics();
  };
  const health = (mostMs: number) => {
    const quietMs = now() - statistics.progressMs;
    const isOk = quietMs < mostMs;
    const why = isOk ? undefined : show(statistics.waiting ?? `nothing was loaded for ${Math.round(quietMs / 1000)} s`);
    return { code: isOk ? 200 : 503, body: { status: isOk ? 'healthy' : 'failing', group, why } };
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0];
    const send = (code: number, type: string, text: string) =>
      void response
        .writeHead(code, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
        .end(text);
    if (path === '/healthz' || path === '/readyz') {
      const { code, body } = health(path === '/healthz' ? ALIVE_MS : READY_MS);
      send(code, 'application/json; charset=utf-8', `${JSON.stringify(body)}\n`);
    } else if (path === '/metrics') {
      scrape().then(
        (text) => send(200, registry.contentType, text),
        () => response.destroy(),
      );
    } else send(404, 'application/json; charset=utf-8', '{"message":"there are /healthz, /readyz and /metrics"}\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        stopError(
          `health cannot listen on ${host}:${port}: ${messageOf(error)}`,
          'Choose another --health-port, or stop what listens there.',
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  log.info({ 'sluice.host': host, 'sluice.port': bound }, 'health and metrics are served');
  return {
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
