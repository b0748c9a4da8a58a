/** Looks every second what a person has paused or cancelled, and ends the walks that are meant. */
import type { Logger } from 'pino';
import { messageOf } from '../../api/errors.ts';
import type { Walk } from '../../api/walk.ts';
import type { Pause } from '../../state/jobs/parts.ts';
import type { StateStore } from '../../state/store.ts';
import { walkOf } from '../schedule.ts';
import { endWalks, isHeld } from './control.ts';
import { isEnded, pauseOf } from './pauses.ts';

/** A walk that is under way, and may have to end. */
export interface WatchedWalk {
  /** Aborted when the walk is to end behind its page. */
  signal: AbortSignal;
  release(): void;
}

export interface Switches {
  /** Why nothing of the pipeline is read now. */
  pauseOf(pipeline: string): Pause | undefined;
  watch(pipeline: string, walk: Walk): WatchedWalk;
  /** Looks at once. */
  look(): void;
  close(): void;
}

const LOOK_MS = 1000;

interface SwitchNeeds {
  now: () => number;
  log: Logger;
}

/** The switches of a process that holds the state. */
export function openSwitches(store: StateStore, { now, log }: SwitchNeeds): Switches {
  const walks = new Set<{ pipeline: string; walk: Walk; ends: AbortController }>();
  const cancelled = new Set<number>();
  let pauses: Pause[] = [];
  const held = () =>
    new Set(
      store
        .jobs()
        .filter(isHeld)
        .map((job) => walkOf(job).id),
    );
  const isUnderWay = (pipeline: string, walk: string) =>
    [...walks].some((one) => one.pipeline === pipeline && one.walk.id === walk);

  const readPauses = (): void => {
    const before = pauses;
    for (const pause of store.pauses()) if (isEnded(pause, now())) store.endPause(pause.source, pause.stream);
    pauses = store.pauses();
    for (const pause of pauses) if (!before.some((one) => isSame(one, pause))) tell(log, pause, 'reading is paused');
    for (const pause of before) if (!pauses.some((one) => isSame(one, pause))) tell(log, pause, 'reading goes on');
  };
  const endCancelled = (): void => {
    for (const job of store.jobs()) {
      if (job.status !== 'cancelled' || cancelled.has(job.id)) continue;
      if (!endWalks(store, job, now(), isUnderWay)) continue;
      cancelled.add(job.id);
      log.info({ job: job.id }, 'job cancelled');
    }
  };
  const look = (): void => {
    readPauses();
    const jobs = walks.size === 0 ? new Set<string>() : held();
    for (const { pipeline, walk, ends } of walks) {
      const isMeant = pauseOf(pauses, pipeline, now()) !== undefined || (walk.kind === 'backfill' && jobs.has(walk.id));
      if (isMeant) ends.abort();
    }
    endCancelled();
  };
  for (const job of store.jobs()) if (job.status === 'cancelled' && endWalks(store, job, now())) cancelled.add(job.id);
  look();
  const timer = setInterval(() => {
    try {
      look();
    } catch (error) {
      log.warn(`what is paused cannot be looked at for now: ${messageOf(error)}`);
    }
  }, LOOK_MS);
  return {
    pauseOf: (pipeline) => pauseOf(pauses, pipeline, now()),
    watch(pipeline, walk) {
      const watched = { pipeline, walk, ends: new AbortController() };
      walks.add(watched);
      return { signal: watched.ends.signal, release: () => void walks.delete(watched) };
    },
    look,
    close: () => clearInterval(timer),
  };
}

function isSame(one: Pause, other: Pause): boolean {
  return one.source === other.source && one.stream === other.stream;
}

function tell(log: Logger, { source, stream, sinceMs, untilMs, reason }: Pause, what: string): void {
  const [since, until] = [sinceMs, untilMs].map((ms) => (ms === undefined ? undefined : new Date(ms).toISOString()));
  log.info({ 'sluice.source': source, 'sluice.stream': stream, since, until, reason }, what);
}
