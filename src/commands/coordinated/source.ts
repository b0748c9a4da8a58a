/** One source that this instance owns: its state taken over, its pipelines run, everything settled and closed. */
import type { Coordination } from '../../coordination/config.ts';
import type { Lease } from '../../coordination/lease.ts';
import { openKafkaState } from '../../coordination/state/store.ts';
import type { BuildTools } from '../../engine/build.ts';
import type { SourceConfig } from '../../engine/settings.ts';
import { plural, showCount } from '../../observe/show.ts';
import type { StatusModel } from '../../observe/status/status.ts';
import type { StateStore } from '../../state/store.ts';
import { runPipelines } from '../running/set.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { openPipelines, type Running } from '../shared/pipelines.ts';
import { learnFromLedger } from '../shared/status.ts';

export interface SourceNeeds {
  cli: Cli;
  context: CommandContext;
  coordination: Coordination;
  lease: Lease;
  status: () => StatusModel;
  sinkTraffic: BuildTools['sinkTraffic'];
  /** States are taken over a few at a time: each has all of its rows in memory for a moment. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Called with the pipelines that run, and their state; returns what takes them back. */
  shown(store: StateStore, running: readonly Running[]): () => void;
}

export interface SourceSignals {
  /** Ends reading; what is at hand is delivered. */
  soft: AbortSignal;
  /** Ends everything at once. */
  hard: AbortController;
}

/** Until the signals end it, or another instance has followed. Throws what keeps the state from being taken over. */
export async function runSource(
  source: SourceConfig,
  needs: SourceNeeds,
  { soft, hard }: SourceSignals,
): Promise<void> {
  const { cli, context, coordination, lease } = needs;
  const { log } = context;
  const signal = AbortSignal.any([soft, hard.signal]);
  const startedAt = performance.now();
  const options = {
    ...{ ...context.state, elsewhere: undefined, now: context.tools.now },
    ...{ source: source.name, kafka: coordination.kafka, topic: coordination.topic, prefix: coordination.group, log },
    ...{ partitions: coordination.partitions, signal, holds: lease.holds },
  };
  const state = await needs.inTurn(() => openKafkaState(options));
  void state.lost.then((error) => {
    if (!hard.signal.aborted) log.warn({ 'sluice.source': source.name }, error.message);
    hard.abort();
  });
  let hide: () => void = () => {};
  try {
    const took = Math.round(performance.now() - startedAt);
    log.info(
      { 'sluice.source': source.name, 'sluice.rows': state.restored, 'sluice.ms': took },
      `${source.name} is taken over: ${plural(state.restored, 'row')} of its state in ${showCount(took)} ms`,
    );
    const hardStop = AbortSignal.any([cli.hardStop, hard.signal]);
    const tools = { ...context.tools, hardStop, sinkTraffic: needs.sinkTraffic, tap: onlyWhile(lease) };
    const config = { ...context.config, sources: [source] };
    const inner: CommandContext = { ...context, config, tools };
    const opened = openPipelines(inner, undefined, { store: state.store });
    try {
      await learnFromLedger(state.store, opened.running, cli.now());
      hide = needs.shown(state.store, opened.running);
      await runPipelines({ ...cli, signal, hardStop }, inner, opened, needs.status(), false);
      await aborted(signal); // pipelines that stopped keep their place: no other instance would do better
    } finally {
      await opened.close({ keepStore: true });
    }
    if (!hard.signal.aborted) await state.settled();
  } finally {
    hide();
    await state.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The vendor is asked only while the source is known to be ours: looked at when a request's turn has come. */
export function onlyWhile(lease: Pick<Lease, 'holds'>): NonNullable<BuildTools['tap']> {
  return (_, http) => {
    const held = <Request extends { isHeld?: () => boolean }>(request: Request): Request => ({
      ...request,
      isHeld: () => !lease.holds() || request.isHeld?.() === true,
    });
    return { request: (request) => http.request(held(request)), stream: (request) => http.stream(held(request)) };
  };
}
