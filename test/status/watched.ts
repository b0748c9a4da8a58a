/** A pipeline that is looked at, with a clock that the test moves. */
import { streams } from '../../connectors/index.ts';
import type { Registered } from '../../src/api/stream.ts';
import type { Walk } from '../../src/api/walk.ts';
import type { SourceConfig } from '../../src/engine/settings.ts';
import { createRefusals } from '../../src/net/refusals.ts';
import { createTraffic } from '../../src/net/traffic.ts';
import { createStatistics } from '../../src/observe/statistics.ts';
import type { Watched } from '../../src/observe/status/facts.ts';
import type { DayRead } from '../../src/observe/status/model.ts';
import { createStatus, type StatusParts } from '../../src/observe/status/status.ts';
import { createSinkTraffic } from '../../src/sinks/traffic.ts';
import type { RejectionGroup } from '../../src/state/store.ts';
import { testConfig } from '../engine/harness.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const LIST = '/detections/v2';
export const DETAIL = '/detections/v2/{detection_id}/details';
export const walkOf = (id: string, kind: Walk['kind'] = 'live'): Walk => ({ id, kind, range: { fromMs: 0, toMs: 1 } });

export function watchedPipeline(overrides: Partial<SourceConfig> = {}, parts: Partial<StatusParts> = {}) {
  const clock = { nowMs: Date.UTC(2026, 10, 26) };
  const now = () => clock.nowMs;
  const config = testConfig('http://127.0.0.1:1', '/nowhere');
  const [source] = config.sources;
  if (source === undefined) throw new Error('no source');
  Object.assign(source, overrides);
  const registered = streams.find(({ stream }) => stream.name === 'cylance.detection') as Registered;
  const statistics = createStatistics('acme/cylance.detection/files', now);
  const refusals = createRefusals(now);
  const traffic = createTraffic(10, now, () => 7);
  const rejections: RejectionGroup[] = [];
  const days: DayRead[] = [];
  const watched: Watched = {
    ...{ statistics, plan: { source, registered, refusals, traffic, sinkName: 'files' } },
    ...{ rejections: () => rejections, days: () => days },
  };
  const sinkTraffic = new Map([['files', createSinkTraffic()]]);
  const model = createStatus({
    ...{
      config: () => config,
      watched: () => [watched],
      sinkTraffic: () => sinkTraffic,
      startedMs: now(),
      version: '1.2.3',
    },
    ...{ clocks: () => ({ nowMs: now(), livedMs: now() }), clockTrouble: () => undefined },
    jobs: () => [],
    ...parts,
  });
  return {
    ...{
      config,
      statistics,
      refusals,
      traffic,
      rejections,
      days,
      watched,
      model,
      sinkTraffic: sinkTraffic.get('files'),
    },
    events: statistics.events,
    now,
    pass(ms: number) {
      clock.nowMs += ms;
    },
    /** The stream as the status has it now. */
    stream() {
      const [stream] = model.made().streams;
      if (stream === undefined) throw new Error('no stream');
      return stream;
    },
    walk: (id: string) => model.made().streams[0]?.walks.find(({ walk }) => walk === id),
    /** A window of the live edge that was read to its end, up to now, with so many new documents. */
    settle(documents = 0, walk = 'live') {
      const counts = {
        total: documents,
        distinct: documents,
        delivered: documents,
        documents,
        settled: true,
        attempts: 2,
      };
      const nothing = { givenUp: 0, unchanged: 0, rejected: 0, owed: 0, dropped: 0, deleted: 0 };
      const range = { fromMs: now() - MINUTE_MS, toMs: now() };
      if (documents > 0) statistics.events.delivered(walk, documents, 0);
      statistics.events.window({ walk, kind: 'window', range, ...counts, ...nothing });
      statistics.events.walked(walkOf(walk));
    },
  };
}
