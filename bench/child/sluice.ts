/** Sluice as its commands run it: one backfill walk. */
import { join } from 'node:path';
import pino from 'pino';
import { streams } from '../../connectors/index.ts';
import { parseConfigObject } from '../../src/config/load.ts';
import { type BuildTools, build, type PipelinePlan, toPipeline } from '../../src/engine/build.ts';
import { recover } from '../../src/engine/recover.ts';
import type { Config } from '../../src/engine/settings.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { openState } from '../../src/state/sqlite.ts';
import { PAGE_SIZE, type Task, TENANT } from '../task.ts';

const NEVER = new AbortController().signal;

function configOf(task: Task): Config {
  const files = { name: 'out', type: 'ndjson', path: join(task.folder, 'out') };
  // Without compression, as docs/config.md says for a cluster on the same host.
  const compression = task.gzip ? 'gzip' : 'none';
  const cluster = { name: 'out', type: 'elasticsearch', nodes: [task.elasticsearch], compression };
  const source = {
    name: (task.folder.split('/').at(-1) ?? 'bench').replace(/\W/g, '_'),
    connector: 'cylance',
    streams: [task.stream ?? 'cylance.detection'],
    base_url: task.url,
    tenant_id: TENANT.tenantId,
    application_id: TENANT.applicationId,
    application_secret: TENANT.applicationSecret,
    rate: { requests_per_second: task.requestsPerSecond, concurrency: task.concurrency },
    reading: { page_size: PAGE_SIZE, details: task.details },
  };
  const object = {
    state: { path: join(task.folder, 'state') },
    sources: [source],
    sinks: [task.elasticsearch ? cluster : files],
  };
  const knownStreams = streams.map(({ stream, connector }) => ({ name: stream.name, connector }));
  return parseConfigObject(object, { knownStreams }).config;
}

export async function runSluice(task: Task, begin: () => void): Promise<number> {
  const config = configOf(task);
  const tools: BuildTools = { streams, log: pino({ level: 'silent' }), env: {}, now: Date.now, hardStop: NEVER };
  const store = openState({ ...config.state, now: Date.now, exclusive: true });
  const owner = { state: store.id, path: config.state.path, adopt: false };
  const built = build(config, { ...tools, owner });
  const plan = built.plans[0] as PipelinePlan;
  let records = 0;
  const delivered = (_walk: string, documents: number) => {
    records += documents;
  };
  const events = {
    seen() {},
    delivered,
    window() {},
    walked() {},
    refused() {},
    waiting() {},
    paused() {},
    held() {},
    owed() {},
    alarmed() {},
    blocked() {},
    walkFailed() {},
    asking() {},
    began() {},
    ended() {},
    requesting: () => () => {},
    acknowledged() {},
    gaps() {},
    child() {},
    answered() {},
  };
  const pipeline = toPipeline(plan, built, config, store.pipeline(plan.name), tools, events);
  await recover(pipeline);
  begin();
  const range = { fromMs: task.fromMs, toMs: task.toMs };
  await runWalk(pipeline, { id: 'backfill-1', kind: 'backfill', range }, NEVER);
  await built.close();
  store.close();
  return records;
}
