import type { Waiting } from '../resource.ts';
import type { DetectionStages, Event } from './living-plan.ts';

/** How far one detection has come on its stages. */
export interface Progress {
  stages: DetectionStages;
  step: number;
  servedAt?: number;
  confirmed: boolean;
  /** Where details fail for ever: which halves of "list item served, detail refused" are done. */
  half?: 'item' | 'refusal';
  /** Deleted: for good, or (`unseen`) without ever having been there. */
  gone?: 'deleted' | 'unseen';
  /** Will vanish by itself if it is not served before. */
  fading: boolean;
}

export function moreToCome({ gone, step, stages }: Progress): boolean {
  return !gone && (step + 1 < stages.states.length || stages.deleted);
}

export function countWaiting(progress: Map<number, Progress>, events: number, ready: Set<number>): Waiting {
  const counts = { event: events, serving: 0, dwell: 0, confirmation: 0 };
  for (const [serial, entry] of progress) {
    if (!moreToCome(entry)) continue;
    if (entry.servedAt === undefined) counts.serving += entry.fading ? 0 : 1;
    else if (ready.has(serial)) counts.confirmation++;
    else counts.dwell++;
  }
  return counts;
}

/** All changes still to come, each counted once. */
export function countPending(progress: Iterable<Progress>, events: Event[]): number {
  let count = events.filter((event) => event.kind !== 'unseen').length;
  for (const entry of progress) {
    if (moreToCome(entry)) count += entry.stages.states.length - entry.step - 1 + (entry.stages.deleted ? 1 : 0);
  }
  return count;
}
