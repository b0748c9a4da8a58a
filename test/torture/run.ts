/** One run: a living tenant, a sink, and faults everywhere until all have happened; then what was delivered is compared. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../../simulator/index.ts';
import { actionOf, messageOf } from '../../src/api/errors.ts';
import { replay } from '../../src/commands/shared/replay.ts';
import type { Pipeline } from '../../src/engine/pipeline.ts';
import type { Config } from '../../src/engine/settings.ts';
import { type VerifyTools, verify } from '../../src/engine/verify/verify.ts';
import { openState } from '../../src/state/sqlite.ts';
import type { PipelineState } from '../../src/state/store.ts';
import type { Certificate } from '../cli/certificates.ts';
import { committedInAll, confirmCommitted } from '../e2e/committed.ts';
import { differences } from '../e2e/delivered.ts';
import { openPipeline, scratch, simulate, testConfig } from '../engine/harness.ts';
import { drawing, startWire } from '../fuzz/wire.ts';
import { countFaults, type FaultCount, type Faults, mishapsOf, PLACES, sumOf } from './faults.ts';
import { live, type World } from './life.ts';
import { LEAST_FAULTS, LEAST_REVISIONS, nameOf, type Plan } from './plan.ts';
import { type OpenStore, openInProcess } from './stores.ts';

export interface Outcome {
  seed: number;
  sink: string;
  ms: number;
  /** Revisions of the tenant: so many documents are right. */
  revisions: number;
  lives: number;
  faults: Faults;
  /** What is not as it has to be, in words; nothing is the only right answer. */
  wrong: string[];
}

const STREAM = 'cylance.detection';
/** The longest that a run may take: longer than a gap waits until it is read again. */
const LIMIT_MS = 420_000;
/** The longest that a life may take to end. */
const END_MS = 30_000;
const MOST_TOLD = 20;

export async function torture(
  plan: Plan,
  certificate: Certificate,
  openStore: OpenStore = openInProcess,
): Promise<Outcome> {
  const startedAt = performance.now();
  const cleanups: (() => unknown)[] = [];
  const count = countFaults();
  const outcome: Outcome = {
    seed: plan.seed,
    sink: plan.sink,
    ms: 0,
    revisions: 0,
    lives: 0,
    faults: count.faults,
    wrong: [],
  };
  try {
    const wrong = await tortured(plan, { certificate, openStore }, outcome, count, cleanups);
    outcome.wrong.push(...wrong.slice(0, MOST_TOLD));
    if (wrong.length > MOST_TOLD) outcome.wrong.push(`and ${wrong.length - MOST_TOLD} more`);
  } catch (error) {
    outcome.wrong.push(`the run failed: ${error instanceof Error ? error.stack : error}`);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
  outcome.ms = Math.round(performance.now() - startedAt);
  return outcome;
}

async function tortured(
  plan: Plan,
  { certificate, openStore }: { certificate: Certificate; openStore: OpenStore },
  outcome: Outcome,
  count: FaultCount,
  cleanups: (() => unknown)[],
): Promise<string[]> {
  const draw = drawing(plan.seed + 1);
  const folder = scratch();
  cleanups.push(folder.remove);
  const simulator = await simulate({ ...plan.simulator, seed: plan.seed, tls: certificate });
  cleanups.push(simulator.close);
  // Over TLS, so that damaged bytes are noticed, as they are on the way to the vendor.
  const wire = await startWire({
    ...{ target: Number(new URL(simulator.httpsUrl ?? '').port), draw, share: plan.network.share },
    ...{ most: () => plan.network.most, harms: ['flip', 'cut', 'repeat', 'delay', 'drip', 'zeros', 'swallow'] },
  });
  cleanups.push(wire.close);
  const store = await openStore(plan, folder.path, count);
  cleanups.push(store.close);
  const config = testConfig(`https://127.0.0.1:${wire.port}`, folder.path, {
    ...{ reading: plan.reading, batch: plan.batch, sinks: [store.sink] },
    source: { name: nameOf(plan) },
    http: { timeout: '1s', ca_file: certificate.file, proxy: 'none' },
    retry: { deadline: '60s', first_delay: '20ms', max_delay: '200ms' },
  });
  const confirmer = confirmCommitted(simulator, config.state.path);
  cleanups.push(confirmer.stop);

  let offsetMs = 0;
  const steps = plan.clock.map(({ afterMs, byMs, forMs }) =>
    setTimeout(() => {
      offsetMs += byMs;
      count.hit('clock', `${byMs > 0 ? 'ahead' : 'back'} by ${sayMs(Math.abs(byMs))}`);
      steps.push(setTimeout(() => (offsetMs -= byMs), forMs));
    }, afterMs),
  );
  cleanups.push(() => steps.forEach(clearTimeout));

  const world: World = {
    ...{ config, count, draw, wall: () => Date.now() + offsetMs },
    writeFaults: mishapsOf(plan.writeFaults),
    stateFaults: mishapsOf(plan.stateFaults),
  };
  const areAllDone = () =>
    store.faultsDone() &&
    world.writeFaults.done() &&
    world.stateFaults.done() &&
    offsetMs === 0 &&
    Object.keys(count.faults.clock ?? {}).length > 0 &&
    wire.count() > 0 &&
    simulator.stats().unusedFaults.length === 0;

  await liveOn(plan, world, simulator, areAllDone, outcome);
  for (const [kind, times] of Object.entries(wire.done)) count.hit('network', kind, times);
  for (const [kind, times] of Object.entries(simulator.stats().faultsDone)) count.hit('vendor', kind, times);
  outcome.revisions = simulator.summary().revisions;
  return [
    ...faultProblems(count.faults),
    ...(outcome.revisions < LEAST_REVISIONS ? [`the tenant has ${outcome.revisions} revisions only`] : []),
    ...(await stateProblems(config, nameOf(plan), simulator)),
    ...differences(simulator, await store.ids()),
  ];
}

/** Lives until everything planned has happened, and all that the tenant has is delivered. */
async function liveOn(
  plan: Plan,
  world: World,
  simulator: Simulator,
  areAllDone: () => boolean,
  outcome: Outcome,
): Promise<void> {
  const deaths = [...plan.deaths];
  const deadline = performance.now() + LIMIT_MS;
  /** What it still waits for: nothing, when all of them are 0. */
  let unrest: Record<string, number> = {};
  const isQuiet = (state: PipelineState): boolean => {
    const { pending, unserved } = simulator.stats();
    const unknown = simulator.summary().revisions - committedInAll(world.config.state.path);
    const { owed, gaps } = state.counts();
    unrest = { pending, unserved, unknown, owed, gaps, faults: areAllDone() ? 0 : 1 };
    return Object.values(unrest).every((left) => left <= 0);
  };
  for (;;) {
    const death = deaths.shift();
    const life = live(world, death);
    outcome.lives++;
    let hasEnded = false;
    const ended = life.ended.finally(() => {
      hasEnded = true;
    });
    while (!hasEnded) {
      await Promise.race([ended, sleep(200)]);
      if (performance.now() > deadline) life.stop();
      if (performance.now() > deadline + END_MS) throw new Error('it does not end when it is told to');
      if (!hasEnded && !life.isDead() && death === undefined && isQuiet(life.pipeline.state)) life.stop();
    }
    const end = await ended;
    if (performance.now() > deadline) throw new Error(`not quiet in time: ${JSON.stringify(unrest)}`);
    const { size } = life.pipeline.claims;
    if (size > 0) throw new Error(`a life left ${size} records claimed: no later walk would have shipped them`);
    if (end.how === 'stopped') return;
    if (end.how === 'failed') {
      if (!/disk is full/.test(messageOf(end.error))) throw end.error;
      world.count.hit('process', `ended by itself (${actionOf(end.error)}), and started again`);
    }
  }
}

function faultProblems(faults: Faults): string[] {
  const few = sumOf(faults) < LEAST_FAULTS ? [`only ${sumOf(faults)} faults were met`] : [];
  return [
    ...few,
    ...PLACES.filter((place) => sumOf(faults, place) === 0).map((place) => `no fault of the ${place} was met`),
  ];
}

/** Rejected documents are replayed, as a person would; then the state, and the sink itself, have to say the same as the tenant. */
async function stateProblems(config: Config, source: string, simulator: Simulator): Promise<string[]> {
  const { pipeline, close } = openPipeline(config, {});
  const { state, sink } = pipeline;
  const { signal } = new AbortController();
  const wrong: string[] = [];
  try {
    const { rejected } = await replay(pipeline, signal);
    if (rejected > 0) wrong.push(`${rejected} documents were rejected again`);
    const { rejections, owed, gaps } = state.counts();
    for (const [what, left] of Object.entries({ rejections, owed, gaps }))
      if (left > 0) wrong.push(`the state still has ${left} ${what}`);
    const left = state.prepared(STREAM, source).length;
    if (left > 0) wrong.push(`${left} batches are still prepared`);
    wrong.push(...ledgerProblems(state, simulator));
    const held = await Array.fromAsync(sink.stored?.({ stream: STREAM, namespace: source }, signal) ?? []);
    const ids = held.flat().map(({ id }) => id);
    wrong.push(...differences(simulator, ids).map((problem) => `the sink says of itself: ${problem}`));
    wrong.push(...(await verifyProblems(pipeline, config.state.path, simulator)));
  } finally {
    await close();
  }
  const { revisions } = simulator.summary();
  const known = committedInAll(config.state.path);
  if (known !== revisions) wrong.push(`the state knows ${known} revisions, the tenant has ${revisions}`);
  return wrong;
}

/** `verify` has to say the same as the simulator: everything is there, once, as the vendor has it. */
async function verifyProblems(pipeline: Pipeline, statePath: string, simulator: Simulator): Promise<string[]> {
  const folder = scratch();
  const wrong: string[] = [];
  try {
    const tools: VerifyTools = {
      ...{ folder: folder.path, statePath, events: pipeline.events, signal: AbortSignal.timeout(LIMIT_MS) },
      openReading: (path) => openState({ path, now: Date.now, exclusive: true }),
      progress() {},
      async pause() {},
    };
    const whole = { fromMs: Date.parse(simulator.range.start) - 86_400_000, toMs: Date.now() };
    const wanted = { range: whole, details: true, keptFromMs: undefined };
    const found = await verify(pipeline, wanted, tools, ({ kind, key, ordinal, reason }) => {
      wrong.push(`verify says: ${kind} ${key} #${ordinal}: ${reason}`);
    });
    for (const { reason } of found.open) wrong.push(`verify could not read everything: ${reason}`);
  } finally {
    folder.remove();
  }
  return wrong;
}

/** Each record of an accepted pass became one thing, a settled one has as many as the vendor counts, and all of the time is covered. */
function ledgerProblems(state: PipelineState, { range }: Simulator): string[] {
  const bad = state.ledger(Number.MAX_SAFE_INTEGER).filter((row) => {
    const { settled, total, distinct, delivered, givenUp, unchanged, rejected, owed, dropped } = row;
    return delivered + givenUp + unchanged + rejected + owed + dropped !== distinct || (settled && total !== distinct);
  });
  const [fromMs, toMs] = [Date.parse(range.start), Date.parse(range.end)];
  const isCovered = state.covered().some((one) => one.fromMs <= fromMs && one.toMs >= toMs);
  return [
    ...bad.map((row) => `the ledger does not add up: ${JSON.stringify(row)}`),
    ...(isCovered ? [] : [`the ledger covers ${JSON.stringify(state.covered())} only`]),
  ];
}

function sayMs(ms: number): string {
  return ms >= 86_400_000 ? 'a day' : ms >= 3_600_000 ? 'an hour' : 'a minute';
}
