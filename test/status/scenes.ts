/** Sources with all their streams, in each state that there is: for the status page's pictures and measurements. */
import { streams } from '../../connectors/index.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { createRefusals } from '../../src/net/refusals.ts';
import { createTraffic } from '../../src/net/traffic.ts';
import { createStatistics } from '../../src/observe/statistics.ts';
import type { Watched } from '../../src/observe/status/facts.ts';
import type { JobStatus } from '../../src/observe/status/model.ts';
import { createStatus } from '../../src/observe/status/status.ts';
import { createSinkTraffic, measured } from '../../src/sinks/traffic.ts';
import type { RejectionGroup } from '../../src/state/store.ts';
import { testConfig } from '../engine/harness.ts';
import { DETAIL, HOUR_MS, LIST, MINUTE_MS, walkOf } from './watched.ts';

/** Every stream of two tenants, which `live` lets live for a second. */
export function manyStreams() {
  const clock = { nowMs: Date.UTC(2026, 10, 28, 3, 0) };
  const now = () => clock.nowMs;
  const config = testConfig('http://127.0.0.1:1', '/nowhere');
  const [first] = config.sources;
  if (first === undefined) throw new Error('no source');
  config.sources = ['acme', 'berlin'].map((name) => ({ ...first, name }));
  const rejections: RejectionGroup[] = [];
  const days = Array.from({ length: 8 }, (_, ago) => ({
    ...{ day: new Date(now() - ago * 24 * HOUR_MS).toISOString().slice(0, 10), read: 1, gaps: 0 },
  }));
  const watched = config.sources.flatMap((source) => {
    const refusals = createRefusals(now);
    const traffic = createTraffic(10, now);
    return streams
      .filter(({ connector }) => connector.name === 'cylance')
      .map((registered, index): Watched => {
        const statistics = createStatistics(`${source.name}/${registered.stream.name}/files`, now);
        const isTimed = registered.stream.mode === 'windows';
        return {
          ...{ statistics, plan: { source, registered, refusals, traffic, sinkName: 'files' } },
          rejections: () => (index === 0 ? rejections : []),
          days: () => (isTimed ? days : []),
        };
      });
  });
  const sinkTraffic = new Map([['files', createSinkTraffic()]]);
  const jobs: JobStatus[] = [];
  const model = createStatus({
    ...{
      config: () => config,
      watched: () => watched,
      sinkTraffic: () => sinkTraffic,
      startedMs: now() - 30 * HOUR_MS,
    },
    ...{
      version: '0.1.0',
      clocks: () => ({ nowMs: now(), livedMs: now() }),
      clockTrouble: () => undefined,
      jobs: () => jobs,
    },
    templatesCurrent: () => undefined,
  });
  const scene = {
    ...{ config, model, watched, rejections, days, jobs, now },
    first: watched.find(({ plan }) => plan.registered.stream.name === 'cylance.detection') as Watched,
    pass(ms: number) {
      clock.nowMs += ms;
    },
    /** A poll of each stream, with so many documents in each. */
    poll(documents: (index: number) => number, only: readonly Watched[] = watched) {
      only.forEach(({ statistics: { events }, plan }, index) => {
        const count = documents(index);
        for (const id of ['live', 'refresh']) events.began(walkOf(id, id === 'live' ? 'live' : 'refresh'));
        for (const status of [200, 200]) {
          plan.traffic.waits()(true);
          plan.traffic.answered(status);
        }
        if (count > 0) events.delivered('live', count, 0);
        const counts = {
          total: count,
          distinct: count,
          delivered: count,
          documents: count,
          settled: true,
          attempts: 2,
        };
        const nothing = { givenUp: 0, unchanged: 0, rejected: 0, owed: 0, dropped: 0, deleted: 0 };
        const range = { fromMs: now() - MINUTE_MS, toMs: now() };
        events.window({ walk: 'live', kind: 'window', range, ...counts, ...nothing });
        for (const id of ['live', 'refresh']) {
          events.walked(walkOf(id, id === 'live' ? 'live' : 'refresh'));
          events.ended(id);
        }
      });
    },
    live() {
      scene.pass(1000);
      scene.poll((index) => (index * 7 + Math.floor(now() / 1000)) % 5);
    },
  };
  const traffic = sinkTraffic.get('files');
  if (traffic !== undefined)
    void measured(traffic, { documents: [] } as never, async () => ({ rejections: [], receipt: null }));
  for (let minute = 0; minute < 60; minute++) {
    scene.poll((index) => Math.round(20 + 15 * Math.sin((minute + index) / 5)));
    scene.pass(MINUTE_MS);
  }
  scene.poll((index) => index % 3);
  return scene;
}

type Scene = ReturnType<typeof manyStreams>;

function scene(change: (scene: Scene) => void): () => Scene {
  return () => {
    const made = manyStreams();
    change(made);
    return made;
  };
}

const refused = (status: number) =>
  new SluiceError(`GET ${LIST} answered ${status}: upstream connect error or disconnect/reset before headers`, {
    ...{ action: 'retry', status },
    advice: 'Is the vendor up? Sluice goes on asking, and reads what it missed.',
  });

/** A list that is refused for so long, while everything else goes on. */
function refuse({ first, watched, pass, poll }: Scene, minutes: number, status: number): void {
  const { statistics, plan } = first;
  statistics.events.began(walkOf('live'));
  statistics.events.requesting('live', LIST);
  plan.refusals.waits(LIST, refused(status));
  for (let minute = 0; minute < minutes; minute++) {
    pass(MINUTE_MS);
    poll(
      (index) => index % 4,
      watched.filter((one) => one !== first),
    );
    plan.refusals.waits(LIST, refused(status));
    statistics.events.requesting('refresh', DETAIL)();
    statistics.events.walked(walkOf('refresh', 'refresh'));
  }
}

export const SCENES: Readonly<Record<string, () => Scene>> = {
  healthy: scene(({ jobs, now }) => {
    const from = new Date(now() - 90 * 24 * HOUR_MS).toISOString();
    jobs.push({
      ...{ id: 4, kind: 'backfill', status: 'running', from, to: new Date(now()).toISOString(), pipelines: ['acme'] },
      ...{ part: 0.37, records: 120_000, finished: 44_000, delivered: 43_120, rejected: 0, secondsLeft: 5400 },
    });
  }),
  degraded: scene(({ rejections, now, first, days }) => {
    const reason = "[1:9] failed to parse field [host.ip] of type [ip] in document with id 'a'";
    rejections.push({ type: 'document_parsing_exception', field: 'host.ip', documents: 17, reason, atMs: now() });
    const gap = { id: 'a', kind: 'unreadable' as const, range: { fromMs: 0, toMs: 1 }, place: null, reason: 'odd' };
    first.statistics.events.gaps([{ ...gap, sinceMs: now() - HOUR_MS, nextAtMs: 0, attempts: 4 }]);
    days.splice(4, 1, { ...(days[4] as (typeof days)[number]), read: 0.62, gaps: 1 });
  }),
  silent: scene(({ config, pass, poll, watched }) => {
    for (const source of config.sources) source.expectWithinMs = { 'cylance.detection': HOUR_MS };
    const quiet = watched.filter(({ plan }) => plan.registered.stream.name === 'cylance.detection');
    for (let minute = 0; minute < 90; minute++) {
      pass(MINUTE_MS);
      poll(() => 0, quiet);
      poll(
        (index) => index % 4,
        watched.filter((one) => !quiet.includes(one)),
      );
    }
  }),
  failing: scene((made) => refuse(made, 7, 503)),
  stopped: scene(({ first }) => {
    first.statistics.stopped = {
      message: 'the vendor does not allow /detections/v2: the scope "opticsdetect:list" is missing',
      advice:
        'Grant the application the scope "opticsdetect:list" in the console (Settings > Integrations) and start again.',
    };
  }),
};
