/** The first run waits for the inventory, so that its documents, too, say what is known of their host; nothing else ever waits. */
import pino from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { itemsOfEach } from '../../simulator/index.ts';
import { build, toPipeline } from '../../src/engine/build.ts';
import { createHostGate } from '../../src/engine/change/host-gate.ts';
import { whenHostsAreKnown } from '../../src/engine/change/when-known.ts';
import type { Pipeline, PipelineEvents } from '../../src/engine/pipeline.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import type { SourceConfig } from '../../src/engine/settings.ts';
import { openState } from '../../src/state/sqlite.ts';
import { memorySink, scratch, simulate, testConfig } from './harness.ts';

const never = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function place(
  names: readonly string[],
  { enrich = true, longestMs }: { enrich?: boolean; longestMs?: number } = {},
) {
  const simulator = await simulate({ seed: 7, detections: 60, items: itemsOfEach(12) });
  const folder = scratch();
  cleanups.push(folder.remove, () => simulator.close());
  const config = testConfig(simulator.url, folder.path, { source: { streams: names, enrich_hosts: enrich } });
  /** One process: every stream beside the others. `inventory` stands before the requests of the inventory. */
  const run = async (inventory: () => Promise<unknown> = async () => {}, signal = never, arrives?: () => void) => {
    const tools = { streams, log: pino({ level: 'silent' }), env: {}, now: Date.now, hardStop: never };
    const built = build(config, tools, false);
    const store = openState({ path: config.state.path, now: Date.now, exclusive: true });
    const waited: string[] = [];
    const gate = longestMs === undefined ? undefined : createHostGate(longestMs);
    const pipelines = built.plans.map((plan): Pipeline => {
      const { name } = plan.registered.stream;
      const events = eventsOf(
        () => waited.push(name),
        () => name === 'cylance.detection' && arrives?.(),
      );
      const ours = gate === undefined ? plan : { ...plan, hostGate: gate };
      const pipeline = toPipeline(ours, built, config, store.pipeline(plan.name), tools, events);
      pipeline.sink = memorySink();
      if (!plan.registered.stream.describesHosts) return pipeline;
      const { client } = pipeline;
      pipeline.client = { ...client, json: async (request) => inventory().then(() => client.json(request)) };
      return pipeline;
    });
    try {
      const schedule = { ...(config.sources[0] as SourceConfig).reading, lookbackMs: 400 * 86_400_000 };
      await Promise.all(
        pipelines.map((one) => runPipeline(one, { schedule, store, signal, once: true }).catch(() => {})),
      );
    } finally {
      await built.close();
      store.close();
    }
    const documentsOf = (name: string) => {
      const found = pipelines.find(({ registered }) => registered.stream.name === name);
      return found === undefined
        ? []
        : (found.sink as ReturnType<typeof memorySink>).documents.map(({ json }) => parsed(json));
    };
    return { waited, detections: documentsOf('cylance.detection'), devices: documentsOf('cylance.device') };
  };
  return run;
}

interface Parsed {
  host?: { id?: string; ip?: string[] };
  tags?: string[];
}

function parsed(json: Buffer): Parsed {
  return JSON.parse(json.toString()) as Parsed;
}

function eventsOf(waiting: () => void, delivered: () => void): PipelineEvents {
  const nothing = () => {};
  return {
    ...{ seen: nothing, delivered, window: nothing, walked: nothing, refused: nothing, owed: nothing },
    ...{ alarmed: nothing, blocked: nothing, walkFailed: nothing, gaps: nothing, child: nothing, asking: nothing },
    ...{
      answered: nothing,
      waiting,
      paused: nothing,
      held: nothing,
      began: nothing,
      ended: nothing,
      requesting: () => nothing,
      acknowledged: nothing,
    },
  };
}

const BOTH = ['cylance.detection', 'cylance.device'];
const known = ({ tags = [] }: Parsed) => tags.includes('host_from_inventory');
const slowly = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('the first run', () => {
  test('completes the host of every detection whose device the inventory has', async () => {
    const run = await place(BOTH);
    const { waited, detections, devices } = await run(slowly);
    expect(waited).toContain('cylance.detection');
    expect(waited).not.toContain('cylance.device');
    const there = new Set(devices.map(({ host }) => host?.id));
    const theirs = detections.filter(({ host }) => there.has(host?.id));
    expect(theirs.length).toBeGreaterThan(5);
    expect(theirs.filter(({ host }) => host?.ip === undefined)).toEqual([]);
    expect(detections.filter(known).length).toBeGreaterThan(theirs.length / 2);
    const again = await run(slowly); // has notes: never waits
    expect(again.waited).toEqual([]);
  });

  test('goes on after its time although the inventory does not answer', async () => {
    const run = await place(BOTH, { longestMs: 50 });
    const stop = new AbortController();
    const hangs = () =>
      new Promise<never>((_, reject) => stop.signal.addEventListener('abort', () => reject(new Error())));
    setTimeout(() => stop.abort(), 3000);
    let beforeItFailed = 0;
    const { waited, detections } = await run(hangs, never, () => {
      beforeItFailed += stop.signal.aborted ? 0 : 1;
    });
    expect(waited).toContain('cylance.detection');
    expect(beforeItFailed).toBeGreaterThan(0);
    expect(detections.length).toBeGreaterThan(30);
    expect(detections.filter(known)).toEqual([]);
  });

  test('waits for nothing where no inventory is read, or nothing is completed', async () => {
    expect((await (await place(['cylance.detection', 'cylance.package']))()).waited).toEqual([]);
    expect((await (await place(BOTH, { enrich: false }))(slowly)).waited).toEqual([]);
  });

  test('does not wait for an inventory that is refused', async () => {
    const run = await place(BOTH);
    const startedAtMs = performance.now();
    const { detections } = await run(() => Promise.reject(new Error('no scope')));
    expect(performance.now() - startedAtMs).toBeLessThan(30_000);
    expect(detections.length).toBeGreaterThan(30);
  });

  test('does not hold up a stop', async () => {
    const hostGate = createHostGate();
    hostGate.expect();
    const registered = streams.find(({ stream }) => stream.name === 'cylance.detection') as Pipeline['registered'];
    const waited: string[] = [];
    const stop = new AbortController();
    const waiting = whenHostsAreKnown(
      {
        ...{ registered, enrichHosts: true, hostGate, state: { noted: () => [] } as never },
        ...{ events: { waiting: (why: string) => void waited.push(why) } as never, log: pino({ level: 'silent' }) },
      },
      stop.signal,
    );
    setTimeout(() => stop.abort(), 20);
    await waiting;
    expect(waited).toEqual(['the inventory of hosts is read first']);
    hostGate.gone();
  });
});

test('the gate asks for notes once, and stays open', () => {
  const gate = createHostGate();
  let asked = 0;
  const none = () => ++asked < 0;
  gate.expect();
  expect([gate.isOpen(none, () => {}), gate.isOpen(none, () => {})]).toEqual([false, false]);
  expect(asked).toBe(1);
  gate.gone();
  expect(gate.isOpen(none, () => {})).toBe(true);
});
