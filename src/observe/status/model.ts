/** The status of a running Sluice as `/api/status` tells it. Times are ISO, durations in seconds; what is not known is left out. */
import type { WalkKind } from '../../api/walk.ts';
import type { Balance } from '../statistics.ts';
import type { StateWord } from './rules.ts';

export interface Status {
  version: string;
  state: StateWord;
  at: string;
  startedAt: string;
  /** False where this was read from the state, since no `sluice run` answers: only what is remembered is told. */
  isRunning: boolean;
  sources: SourceStatus[];
  sinks: SinkStatus[];
  streams: StreamStatus[];
  jobs: JobStatus[];
}

export interface SourceStatus {
  source: string;
  connector: string;
  state: StateWord;
  /** With `coordination`: whether this instance has it now, and not another one. */
  owned?: boolean;
  /** Requests by the status of their answer; `none`: there was none. */
  requests: Record<string, number>;
  throttled: number;
  budget: {
    requestsPerSecond: number;
    /** What is allowed of it now: less where the vendor asked for a slower pace. */
    allowedPerSecond: number;
    usedRatio: number;
    waitedSeconds: number;
    waitingSeconds: number;
  };
}

export interface SinkStatus {
  sink: string;
  type: string;
  state: StateWord;
  writes: number;
  /** How long the last batch took, and on average. */
  lastSeconds?: number;
  meanSeconds?: number;
  documents: number;
  bytes: number;
  retries: number;
  rejectionsWaiting: number;
  /** Whether its templates are those of this version; left out where it has none, or nobody could tell. */
  templatesCurrent?: boolean;
}

export interface StreamStatus {
  pipeline: string;
  source: string;
  stream: string;
  sink: string;
  state: StateWord;
  reason?: string;
  advice?: string;
  /** Since when it is in this state. */
  since: string;
  lagSeconds?: number;
  objectiveSeconds: number;
  settledUntil?: string;
  newestRecord?: string;
  lastSuccess?: string;
  lastDocument?: string;
  quietSeconds?: number;
  /** How long a quiet time may be; left out where nobody can tell. */
  expectWithinSeconds?: number;
  waiting?: WaitingFor;
  error?: LastError;
  delivered: number;
  rejected: number;
  /** The rows of the ledger since the start, and whether they add up. */
  ledger: Balance & { isBalanced: boolean };
  gaps: { count: number; since?: string };
  owed: number;
  rejections: { waiting: number; causes: RejectedFor[] };
  /** Documents by the minute, the last hour, the oldest first. */
  perMinute: number[];
  /** Of a stream whose records have a time: which part of each day was read to its end, today first. */
  days: DayRead[];
  walks: WalkStatus[];
}

export interface WalkStatus {
  walk: string;
  kind: WalkKind;
  state: StateWord;
  reason?: string;
  advice?: string;
  isRunning: boolean;
  lastSuccess?: string;
  lastDocument?: string;
  newestRecord?: string;
  delivered: number;
  waiting?: WaitingFor;
}

/** What something waits for, and for how long. */
export interface WaitingFor {
  for: 'vendor' | 'budget' | 'sink' | 'person' | 'pause';
  why: string;
  seconds: number;
}

export interface LastError {
  message: string;
  advice?: string;
}

export interface RejectedFor {
  cause: string;
  field?: string;
  documents: number;
  reason: string;
  suggestion: string;
}

export interface DayRead {
  day: string;
  /** 0 to 1. */
  read: number;
  gaps: number;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** A backfill and how far it is. */
export interface JobStatus {
  id: number;
  kind: string;
  status: string;
  from: string;
  to: string;
  pipelines: string[];
  /** 0 to 1. */
  part: number;
  /** Records that the vendor has in this time, as far as it has counted; those with which nothing is left to do; documents. */
  records?: number;
  finished: number;
  delivered: number;
  rejected: number;
  secondsLeft?: number;
  /** What it waits behind, or why it failed. */
  behind?: string;
}
