import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCounters, readStatus, type Status } from './counters.ts';
import type { TruthRange, TruthRow, TruthText } from './detections/truth.ts';
import { createHandler } from './handler.ts';
import { THINGS } from './listed/index.ts';
import { fillOptions, type SimulatorOptions } from './options.ts';
import type { StreamSummary, TruthStream } from './stream-truth.ts';
import { confirmRevision, createWorld, pauseAll } from './world.ts';

export type { Status } from './counters.ts';
export type { TruthRange, TruthRow } from './detections/truth.ts';
export type { FaultPlan, FaultRule } from './fault-plan.ts';
export { FAULT_NAMES, readFaultPlan } from './fault-plan.ts';
export type { LivingOptions } from './living-options.ts';
export type { SimulatorOptions } from './options.ts';
export type { StreamSummary, TruthStream } from './stream-truth.ts';

/** So many of every kind of thing: for `SimulatorOptions.things`. */
export function thingsEach(count: number): Record<string, number> {
  return Object.fromEntries(THINGS.map(({ name }) => [name, count]));
}

/** The kind of thing that a stream reads, or that its records belong to. */
export function thingOf(stream: TruthStream): string | undefined {
  return THINGS.find(({ stream: own, parts = [] }) => own === stream || parts.some((part) => part.stream === stream))
    ?.name;
}

/** The streams that have to be read together, so that a changing thing of the one moves on; empty for other streams. */
export function streamsBeside(stream: TruthStream): TruthStream[] {
  const thing = THINGS.find(({ name }) => name === thingOf(stream));
  if (thing === undefined) return [];
  return [thing.stream, ...(thing.parts ?? []).flatMap((part) => part.stream ?? [])];
}

export interface Simulator {
  url: string;
  httpsUrl?: string;
  /** Times of the oldest and newest generated detection, ISO. */
  range: { start: string; end: string };
  stats(): Status;
  /** Every revision that a perfect connector has delivered once it is quiet; made while it is read. */
  truth(range?: TruthRange): Generator<TruthRow>;
  summary(): { detections: number; revisions: number; deleted: number; listOnly: number };
  /** The same for any stream: queries and files state by state, and the results as they are now. */
  truthOf(stream: TruthStream): Generator<TruthRow>;
  summaryOf(stream: TruthStream): StreamSummary;
  /** What was served of a detection; undefined for an id that is not of this tenant. */
  served(id: string): { listed: boolean; presentState: boolean; deleted: boolean } | undefined;
  /**
   * Says that a revision was delivered; only needed with `living.confirm`. The id is that of the truth.
   */
  confirm(id: string, ordinal: number): void;
  /** Holds back and lets go all changes of a living tenant. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 75_000;

function listen(server: Server, port: number, host: string): Promise<number> {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, 1024, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** Starts the vendor's API as documented, over HTTP and (with `tls`) HTTPS. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const settings = fillOptions(options);
  const world = createWorld(settings);
  const counters = createCounters();
  const handler: RequestListener = createHandler(world, counters);
  const { living, tenant, truth, streamTruth, courses } = world;
  const http = createHttp(handler);
  const https = settings.tls && createHttps(settings.tls, handler);
  const shown = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  const close = async () => {
    for (const changing of [living, ...courses]) changing.close();
    await Promise.all([stop(http), ...(https ? [stop(https)] : [])]);
  };
  const open = async () => {
    const url = `http://${shown}:${await listen(http, settings.port, settings.host)}`;
    return { url, httpsUrl: https && `https://${shown}:${await listen(https, settings.httpsPort, settings.host)}` };
  };
  const urls = await open().catch(async (error) => {
    await close();
    throw error;
  });

  function* parsed(rows: Iterable<TruthText>): Generator<TruthRow> {
    for (const { json, ...row } of rows) yield { ...row, record: JSON.parse(json) };
  }

  return {
    ...urls,
    range: { start: new Date(settings.startTime).toISOString(), end: new Date(settings.endTime).toISOString() },
    stats: () => readStatus(world, counters),
    truth: (range) => parsed(truth.rows(range)),
    summary: truth.summary,
    truthOf: (stream) => parsed(streamTruth.rows(stream)),
    summaryOf: streamTruth.summary,
    served: (id) => {
      const serial = tenant.find(id);
      if (serial === undefined) return undefined;
      return {
        listed: living.wasListed(serial),
        presentState: living.isServed(serial),
        deleted: !tenant.order.exists(serial),
      };
    },
    confirm: (id, ordinal) => {
      confirmRevision(world, id, ordinal);
    },
    pause: () => pauseAll(world, 'pause'),
    resume: () => pauseAll(world, 'resume'),
    close,
  };
}

/** For the command: starts with the usual number of every kind of thing, says on `out` that it is ready, and leaves stopping to the caller. */
export async function runSimulator(
  options: SimulatorOptions,
  out: { write(text: string): unknown },
): Promise<Simulator> {
  const usual = Object.fromEntries(THINGS.map(({ name, usual: number }) => [name, number]));
  const simulator = await startSimulator({ ...options, things: { ...usual, ...options.things } });
  out.write(`sluice simulator ready ${simulator.url}\n`);
  if (simulator.httpsUrl) out.write(`sluice simulator https ${simulator.httpsUrl}\n`);
  return simulator;
}
