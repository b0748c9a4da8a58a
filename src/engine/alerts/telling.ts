/** The alerts that say that alerts are held: for each source and sink whose alerts are limited. */
import type { Logger } from 'pino';
import type { Sink } from '../../api/sink.ts';
import type { StateStore } from '../../state/store.ts';
import type { Built, PipelinePlan } from '../build.ts';
import type { Pipeline } from '../pipeline.ts';
import { ALERT_LIMIT, type AlertTeller, createTeller, keepTelling } from './tell.ts';

interface Limited {
  plan: PipelinePlan;
  pipeline: Pipeline;
}

interface TellingNeeds {
  built: Pick<Built, 'sinks'>;
  store: Pick<StateStore, 'pipeline'>;
  running: readonly Limited[];
  log: Logger;
  hardStop: AbortSignal;
  now: () => number;
}

/** Tells while documents are shipped; `stop` tells the rest, unless the process is to end at once. */
export function startTelling(needs: TellingNeeds, signal: AbortSignal): { stop(): Promise<void> } {
  const ends = new AbortController();
  const tellers = tellersOf(needs).map(createTeller);
  const loops = tellers.map((tell) => keepTelling(tell, AbortSignal.any([signal, ends.signal])));
  return {
    async stop() {
      ends.abort();
      await Promise.all(loops);
      if (!signal.aborted) await Promise.all(tellers.map((tell) => tell()));
    },
  };
}

function tellersOf({ built, store, running, log, hardStop, now }: TellingNeeds): AlertTeller[] {
  const limited = running.filter(({ pipeline }) => pipeline.alerts !== undefined);
  const groups = Map.groupBy(limited, ({ plan }) => `${plan.source.name}/${ALERT_LIMIT.name}/${plan.sinkName}`);
  return [...groups].map(([name, ours]) => {
    const [{ plan, pipeline }] = ours as [Limited, ...Limited[]];
    return {
      ...{ name, source: plan.source.name, sinkName: plan.sinkName, log, now, hardStop },
      sink: built.sinks.get(plan.sinkName) as Sink,
      state: store.pipeline(name),
      limited: ours.map((one) => one.pipeline.state),
      maxPerHour: pipeline.alerts?.maxPerHour ?? 0,
    };
  });
}
