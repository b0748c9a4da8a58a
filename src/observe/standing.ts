/** How a job stands, for the progress that a command shows: what the state says of it, whoever works on it. */
import type { ReadingFacts } from '../engine/jobs/estimate.ts';
import { type JobView, jobViews } from '../engine/jobs/views.ts';
import type { JobRow, PipelineState, StateStore } from '../state/store.ts';
import type { Standing } from './progress.ts';

/** What is stored moves once a second. */
const LOOK_MS = 1000;

export function standingsOf(
  store: StateStore,
  job: JobRow,
  { now, facts }: { now: () => number; facts?: (pipeline: string) => ReadingFacts | undefined },
): () => Standing {
  const states = new Map<string, PipelineState>();
  const cached: Parameters<typeof jobViews>[0] = {
    jobs: store.jobs,
    pauses: store.pauses,
    pipelines: store.pipelines,
    pipeline(name) {
      const state = states.get(name) ?? store.pipeline(name);
      states.set(name, state);
      return state;
    },
  };
  let last: { atMs: number; view: JobView | undefined } | undefined;
  return () => {
    const atMs = performance.now();
    if (last === undefined || atMs - last.atMs >= LOOK_MS) {
      const views = jobViews(cached, { nowMs: now(), facts, all: true });
      last = { atMs, view: views.find(({ id }) => id === job.id) };
    }
    return toStanding(last.view);
  };
}

function toStanding(view: JobView | undefined): Standing {
  if (view === undefined) return { part: 0, delivered: 0 };
  const { part, documents, records, finished, leftMs, behind } = view;
  return { part, delivered: documents, records, finished, leftMs: leftMs ?? null, note: behind };
}
