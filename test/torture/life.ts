/**
 * One life of Sluice in this process, which can be killed: from then on nothing reaches the state any more, what is under way
 * at the sink may still arrive, and what was never committed is for the next life to find out.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { streams } from '../../connectors/index.ts';
import { SluiceError } from '../../src/api/errors.ts';
import type { Sink } from '../../src/api/sink.ts';
import { type BuildTools, build, toPipeline } from '../../src/engine/build.ts';
import type { Pipeline } from '../../src/engine/pipeline.ts';
import { runPipeline } from '../../src/engine/runner.ts';
import type { Config } from '../../src/engine/settings.ts';
import { createStatistics } from '../../src/observe/statistics.ts';
import { guarded } from '../../src/state/damage.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { PipelineState } from '../../src/state/store.ts';
import { createClock } from '../../src/system/clock.ts';
import { createParts } from '../../src/system/parts.ts';
import type { FaultCount, Mishaps } from './faults.ts';
import type { Death, Plan, WriteFault } from './plan.ts';

/** What outlasts a life. */
export interface World {
  config: Config;
  count: FaultCount;
  /** The clock of the machine. */
  wall: () => number;
  writeFaults: Mishaps<WriteFault>;
  stateFaults: Mishaps<'state full'>;
  /** In [0, 1). */
  draw: () => number;
}

/** How a life ended: killed, stopped on demand, or by an error that a person has to look at. */
export type Ended = { how: 'killed' | 'stopped' } | { how: 'failed'; error: unknown };

export interface Life {
  pipeline: Pipeline;
  ended: Promise<Ended>;
  /** It was killed, and may not have come to its end yet. */
  isDead(): boolean;
  /** Ends it in good order. */
  stop(): void;
}

/** Takes what libraries throw outside of any promise, where the process hands it over. */
export const parts = createParts();

class Dead extends Error {}

const SILENT_MS = 400;
/** Somebody who sees that Sluice waits may start it anew; a disk in trouble is waited for so long that they always do. */
const IMPATIENT_MS = 800;
const IMPATIENT_SHARE = 0.5;
const DISK = /^cannot write to/;

export function live(world: World, death: Plan['deaths'][number] | undefined): Life {
  const { config, count } = world;
  const stop = new AbortController();
  const hardStop = new AbortController();
  let isDead = false;
  const die = (how: string): void => {
    if (isDead || stop.signal.aborted) return;
    isDead = true;
    count.hit('process', how);
    stop.abort();
    hardStop.abort();
  };
  const requireLife = (): void => {
    if (isDead) throw new Dead('killed');
  };
  let occasions = 0;
  const diesAt = (at: Death): boolean => death?.at === at && ++occasions >= death.nth;

  const clock = createClock({ wall: world.wall, steady: () => performance.now() });
  const tools: BuildTools = {
    ...{ streams, log: pino({ level: process.env.TEST_LOG ?? 'silent' }), env: {} },
    ...{ clock, now: clock.now, hardStop: hardStop.signal, parts },
  };
  const store = openState({ ...config.state, now: clock.now, exclusive: true });
  tools.owner = { state: store.id, path: config.state.path, adopt: false };
  const built = build(config, tools);
  const [plan] = built.plans;
  if (plan === undefined) throw new Error('the config has no pipeline');

  const commit = (state: PipelineState, given: Parameters<PipelineState['commit']>[0]): void => {
    if (diesAt('before a commit')) die('killed before a commit');
    requireLife();
    if (given.rows.length > 0 && world.stateFaults.next() !== undefined) {
      count.hit('disk', 'state full');
      guarded(config.state.path, () => {
        throw new Error('database or disk is full');
      });
    }
    state.commit(given);
    if (diesAt('after a commit')) die('killed after a commit');
    requireLife();
  };
  const stored = store.pipeline(plan.name);
  const state = new Proxy(stored, {
    get(target, name) {
      if (name === 'commit') return (given: Parameters<PipelineState['commit']>[0]) => commit(target, given);
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        requireLife();
        return Reflect.apply(value, target, given);
      };
    },
  });

  const statistics = createStatistics(plan.name, clock.now, built.lived);
  const waiting = statistics.events.waiting;
  statistics.events.waiting = (reason) => {
    waiting(reason);
    if (world.draw() > IMPATIENT_SHARE && !DISK.test(reason)) return;
    void sleep(world.draw() * IMPATIENT_MS, undefined, { ref: false }).then(() => die('killed while it waited'));
  };
  const pipeline = toPipeline(plan, built, config, state, tools, statistics.events);
  const { sink } = pipeline;
  const mortal: Sink = {
    ...sink,
    async write(batch, signal) {
      if (diesAt('before a write')) die('killed before a write');
      requireLife();
      const fault = world.writeFaults.next();
      if (fault !== undefined) count.hit('sink', fault);
      if (fault === 'refuses') throw troubled();
      if (diesAt('during a write')) setTimeout(() => die('killed during a write'), world.draw() * 10);
      const written = await sink.write(batch, signal);
      if (fault === 'is silent, then fails') await sleep(SILENT_MS, undefined, { signal });
      if (fault !== undefined) throw troubled();
      requireLife();
      return written;
    },
    async recover(...given) {
      requireLife();
      const found = await sink.recover(...given);
      requireLife();
      return found;
    },
  };
  pipeline.sink = mortal;

  const timer = death?.at === 'at any time' ? setTimeout(() => die('killed at any time'), death.afterMs) : undefined;
  const schedule = plan.source.reading;
  const running = runPipeline(pipeline, { schedule, store, signal: stop.signal, once: false });
  const end = async (): Promise<Ended> => {
    const outcome: Ended = await running.then(
      () => ({ how: isDead ? 'killed' : 'stopped' }) as const,
      (error: unknown) => (isDead ? { how: 'killed' } : ({ how: 'failed', error } as const)),
    );
    clearTimeout(timer);
    if (outcome.how === 'killed') for (const { walk } of stored.walks()) await sink.outcomeUnknown?.(plan.name, walk);
    await built.close();
    store.close();
    if (outcome.how === 'killed') rmSync(join(config.state.path, 'state.seal'), { force: true }); // written by a good end only
    return outcome;
  };
  return { pipeline, ended: end(), isDead: () => isDead, stop: () => stop.abort() };
}

function troubled(): SluiceError {
  return new SluiceError('the sink is in trouble', { action: 'retry' });
}
