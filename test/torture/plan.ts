/** What a run does, drawn from its seed: the tenant, how it is read, and everything that goes wrong. */
import { FAULT_NAMES, type FaultPlan, type FaultRule, type SimulatorOptions } from '../../simulator/index.ts';
import { drawing } from '../fuzz/wire.ts';
import { DISK_FAULTS, type DiskFault } from './disk.ts';
import { BULK_FAULTS, type BulkFault } from './elastic.ts';
import type { Mishap } from './faults.ts';

/** In process: an Elasticsearch in memory behind the real sink, or real files. */
export const SINKS = ['memory', 'files'] as const;
/** The real services, which have to be started. */
export const REAL = ['elasticsearch', 'kafka'] as const;
export type RealSink = (typeof REAL)[number];
export type TortureSink = (typeof SINKS)[number] | RealSink;

/** What happens to a bulk request on its way to the real Elasticsearch, and to an answer of the real Kafka. */
export const ELASTIC_FAULTS = ['overloaded', 'unavailable', 'swallow', 'garbage', 'cut after, and a rollover'] as const;
export type ElasticFault = (typeof ELASTIC_FAULTS)[number];
export const KAFKA_FAULTS = ['reset', 'swallow-and-reset', 'swallow', 'garbage'] as const;
export type KafkaFault = (typeof KAFKA_FAULTS)[number];

/** The moment at which the process dies, each counted over all of its lives. */
export const DEATHS = ['before a write', 'during a write', 'before a commit', 'after a commit', 'at any time'] as const;
export type Death = (typeof DEATHS)[number];

/** What a sink's method does instead, whichever sink it is. */
export const WRITE_FAULTS = ['refuses', 'takes it, and fails', 'is silent, then fails'] as const;
export type WriteFault = (typeof WRITE_FAULTS)[number];

export interface ClockStep {
  afterMs: number;
  byMs: number;
  /** How long the clock stays wrong. */
  forMs: number;
}

export interface Plan {
  seed: number;
  sink: TortureSink;
  simulator: Partial<SimulatorOptions> & { detections: number };
  reading: Record<string, unknown>;
  batch: Record<string, unknown>;
  /** Of the files sink. */
  files: Record<string, unknown>;
  rollover: number;
  writeFaults: Mishap<WriteFault>[];
  bulkFaults: Mishap<BulkFault>[];
  /** Of a real service. */
  serviceFaults: Mishap<ElasticFault | KafkaFault>[];
  lookUpFaults: Mishap<'look-up'>[];
  fileFaults: Mishap<DiskFault>[];
  /** Commits at which the state's disk is full. */
  stateFaults: Mishap<'state full'>[];
  clock: ClockStep[];
  /** One for each life but the last. */
  deaths: { at: Death; nth: number; afterMs: number }[];
  network: { share: number; most: number };
}

/** Revisions of the tenant, at least. */
export const LEAST_REVISIONS = 2000;
/** Faults of a run, at least; and each place that its plan has comes at least once. */
export const LEAST_FAULTS = 5;

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const LIVING = {
  ...{ arrivals: 60, lateArrivals: 40, statusChanges: 60, returns: 30, commentChanges: 30, responseChanges: 20 },
  ...{ fastClocks: 5, resetClocks: 5, deletions: 30, deletionsUnseen: 15 },
  ...{ dwellMs: 100, everyRequests: 0, everyMs: 25, confirm: true },
};

/** Rules of the simulator that a run can end with: each fires a few times. */
const VENDOR: Partial<Record<FaultRule['fault'], Partial<FaultRule>>> = {
  'rate-limit': { retryAfter: 'none' },
  'server-error': {},
  hang: {},
  reset: {},
  'token-expires-early': { afterUses: 40 },
  'moving-totals': { by: 2 },
  'missing-items': {},
  'wrong-page-number': {},
  'empty-items': {},
  'empty-index': {},
  'duplicate-items': {},
  slow: { overMs: 400 },
  'reset-body': {},
  'truncated-json': {},
  'malformed-json': {},
  'html-page': {},
};
/** One of so many requests that can meet it; lists and tokens are seldom asked for. */
const EVERY: Partial<Record<FaultRule['fault'], [least: number, most: number]>> = {
  'token-expires-early': [1, 2],
  'moving-totals': [2, 12],
  'missing-items': [2, 12],
  'wrong-page-number': [2, 12],
  'empty-items': [2, 12],
  'empty-index': [2, 12],
  'duplicate-items': [2, 12],
};
export const VENDOR_FAULTS = FAULT_NAMES.filter((name) => name in VENDOR);

/** The source's name, and so the namespace, of a run. */
export function nameOf({ seed }: Plan): string {
  return `acme${seed}`;
}

export function isReal(sink: TortureSink): sink is RealSink {
  return (REAL as readonly string[]).includes(sink);
}

export function planOf(seed: number, sink: TortureSink): Plan {
  const draw = drawing(seed);
  const from = (least: number, most: number) => least + Math.floor(draw() * (most - least + 1));
  const one = <T>(all: readonly T[]): T => all[from(0, all.length - 1)] as T;
  const some = (least: number, most: number) => Array.from({ length: from(least, most) });
  const mishaps = <Kind extends string>(kinds: readonly Kind[], [least, most]: [number, number], within: number) =>
    some(least, most).map((): Mishap<Kind> => ({ kind: one(kinds), nth: from(1, within) }));

  const chosen = new Set(some(5, 9).map(() => one(VENDOR_FAULTS)));
  const faults: FaultPlan = [...chosen].map((fault) => {
    const [least, most] = EVERY[fault] ?? [5, 300];
    return { fault, ...VENDOR[fault], every: from(least, most), times: from(1, 3) };
  });
  return {
    ...{ seed, sink },
    simulator: {
      ...{ seed, detections: from(1750, 1850), living: LIVING, faults, oddForms: draw() < 0.5 },
      ...{ filterBy: one(['occurrence', 'received'] as const), ties: one([0, 0, 40]) },
      ...{ startInclusive: draw() < 0.8, endInclusive: draw() < 0.3 },
    },
    reading: {
      ...{ lookback: '400d', poll: '2s', sweeps: [{ range: '400d', every: '3s' }], page_size: one([100, 250, 500]) },
      ...{ detail_refresh: ['1s', '6s'], detail_refresh_for: '3650d', detail_patience: '1h' },
      max_window_records: one([300, 500, 1000]),
    },
    batch: { documents: from(15, 80), wait: `${from(20, 150)}ms` },
    files: {
      compression: one(['none', 'gzip', 'zstd']),
      rotate_size: one(['16KiB', '256KiB', '128MiB']),
      rotate_every: one(['1s', '1h']),
    },
    rollover: from(100, 600),
    writeFaults: mishaps(WRITE_FAULTS, sink === 'files' ? [1, 3] : [0, 1], 30),
    bulkFaults: sink === 'memory' ? mishaps(BULK_FAULTS, [3, 8], 40) : [],
    serviceFaults: isReal(sink) ? mishaps(sink === 'kafka' ? KAFKA_FAULTS : ELASTIC_FAULTS, [2, 5], 40) : [],
    lookUpFaults: sink === 'memory' ? mishaps(['look-up'], [0, 2], 3) : [],
    fileFaults: sink === 'files' ? mishaps(DISK_FAULTS, [1, 2], 30) : [],
    stateFaults: mishaps(['state full'], sink === 'files' ? [0, 1] : [1, 2], 30),
    clock: some(1, 2).map(() => ({
      ...{ afterMs: from(300, 4000), forMs: from(200, 3000) },
      byMs: one([-DAY, -HOUR, -60_000, 60_000, HOUR, DAY]),
    })),
    deaths: some(2, 4).map(() => ({ at: one(DEATHS), nth: from(1, 12), afterMs: from(50, 1500) })),
    network: { share: 0.01, most: from(3, 8) },
  };
}
