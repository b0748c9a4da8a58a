/** What is noted of each walk of a pipeline while it goes on. */
import type { Walk, WalkKind } from '../../api/walk.ts';

export interface Trouble {
  reason: string;
  advice?: string;
  /** How long it has lasted, in milliseconds that the process lived through; undefined where nobody knows. */
  lastsMs?: number;
}

/** A request that is under way: it waits for its turn, for its answer, or for another try. */
interface UnderWay {
  route: string;
  /** Lived time. */
  sinceMs: number;
}

export interface WalkFacts {
  kind: WalkKind;
  isRunning: boolean;
  /** When it ended last, when a document of it was delivered last, and the newest time of a record that it read: epoch milliseconds. */
  lastSuccessMs: number | undefined;
  lastDocumentMs: number | undefined;
  newestMs: number | undefined;
  delivered: number;
  requests: Set<UnderWay>;
}

export function newWalk(kind: WalkKind): WalkFacts {
  const never = { lastSuccessMs: undefined, lastDocumentMs: undefined, newestMs: undefined };
  return { kind, isRunning: false, ...never, delivered: 0, requests: new Set() };
}

/** A backfill is over once and for all; every other walk is begun again. */
export function isOnce({ kind }: Pick<Walk, 'kind'>): boolean {
  return kind === 'backfill';
}

/** Counts by the minute, for the last hour. */
export interface Minutes {
  add(count: number): void;
  /** The oldest first; the last one is the minute at hand. */
  counts(): number[];
}

const MINUTES = 60;
const MINUTE_MS = 60_000;

export function countMinutes(lived: () => number): Minutes {
  const counts = new Uint32Array(MINUTES);
  let minute = Math.floor(lived() / MINUTE_MS);
  const turn = (): number => {
    const at = Math.floor(lived() / MINUTE_MS);
    for (let passed = Math.max(minute + 1, at - MINUTES + 1); passed <= at; passed++) counts[passed % MINUTES] = 0;
    minute = Math.max(minute, at);
    return minute;
  };
  return {
    add(count) {
      const place = turn() % MINUTES;
      counts[place] = (counts[place] ?? 0) + count;
    },
    counts() {
      const last = turn();
      return Array.from({ length: MINUTES }, (_, index) => counts[(last + 1 + index) % MINUTES] ?? 0);
    },
  };
}
