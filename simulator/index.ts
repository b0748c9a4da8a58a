import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCounters, readStatus, type Status } from './counters.ts';
import * as plans from './fault-plan.ts';
import { createHandler } from './handler.ts';
import { fillOptions } from './options.ts';
import type { Revision, Served, TruthRange } from './resource.ts';
import { COUNTED, ENDPOINTS, RESOURCES } from './resources.ts';
import type { SimulatorOptions } from './settings.ts';
import {
  confirmRevision,
  createWorld,
  MAIN_STREAM,
  type MainSummary,
  mainSummary,
  pauseAll,
  type StreamSummary,
  summaryOf,
} from './world.ts';

export type { Status } from './counters.ts';
export type { FaultPlan, FaultRule } from './fault-plan.ts';
export { FAULT_NAMES } from './fault-plan.ts';
export type { LivingOptions } from './living-options.ts';
export type { TruthRange } from './resource.ts';
export type { SimulatorOptions } from './settings.ts';
export type { StreamSummary } from './world.ts';

/** A revision with its record as it was parsed. */
export interface TruthRow extends Omit<Revision, 'json'> {
  record: unknown;
}

/** One of `STREAMS`. */
export type TruthStream = string;

/** Checks a plan, as given in-process or read from a file. Throws one message that names the rule and the member. */
export function readFaultPlan(plan: unknown): plans.FaultPlan {
  return plans.readFaultPlan(plan, ENDPOINTS);
}

/** The option `items` with the same number for each resource. */
export function itemsOfEach(count: number): Record<string, number> {
  return Object.fromEntries(Object.keys(COUNTED).map((name) => [name, count]));
}

/** The name in `SimulatorOptions.items` of the resource that a stream reads, or that its records belong to. */
export function resourceOf(stream: TruthStream): string | undefined {
  return RESOURCES.find(({ streams, usual }) => usual !== undefined && streams.includes(stream))?.name;
}

/** The other streams that must be read too so that a changing item of this stream reaches its next state; often empty. */
export function streamsBeside(stream: TruthStream): TruthStream[] {
  const name = resourceOf(stream);
  return RESOURCES.filter((one) => one.name === name).flatMap(({ streams }) => streams);
}

export interface Simulator {
  url: string;
  httpsUrl?: string;
  /** Times of the oldest and newest generated detection, ISO. */
  range: { start: string; end: string };
  stats(): Status;
  /** Every revision that a perfect connector has delivered once nothing changes any more; made while they are read. */
  truth(range?: TruthRange): Generator<TruthRow>;
  summary(): MainSummary;
  /** The truth of any stream: every state of each item, and the results of queries as they are now. */
  truthOf(stream: TruthStream): Generator<TruthRow>;
  summaryOf(stream: TruthStream): StreamSummary;
  /** What was served of a detection; undefined for an id that is not of this tenant. */
  served(id: string): Served | undefined;
  /**
   * Confirms that a revision was delivered; only needed with `living.confirm`. The id is that of the truth.
   */
  confirm(id: string, ordinal: number): void;
  /** Stops and resumes all changes of a living tenant. */
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
  const http = createHttp(handler);
  const https = settings.tls && createHttps(settings.tls, handler);
  const shown = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  const close = async () => {
    for (const lifecycle of world.lifecycles) lifecycle.close();
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

  function* parsed(rows: Iterable<Revision>): Generator<TruthRow> {
    for (const { json, ...row } of rows) yield { ...row, record: JSON.parse(json) };
  }

  return {
    ...urls,
    range: { start: new Date(settings.startTime).toISOString(), end: new Date(settings.endTime).toISOString() },
    stats: () => readStatus(world, counters),
    truth: (range) => parsed(world.truthOf(MAIN_STREAM).rows(range)),
    summary: () => mainSummary(world),
    truthOf: (stream) => parsed(world.truthOf(stream).rows()),
    summaryOf: (stream) => summaryOf(world, stream),
    served: (id) => {
      for (const collection of world.collections) {
        const found = collection.served?.(id);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    confirm: (id, ordinal) => {
      confirmRevision(world, id, ordinal);
    },
    pause: () => pauseAll(world, 'pause'),
    resume: () => pauseAll(world, 'resume'),
    close,
  };
}

/** For the command: starts with the usual number of everything, says on `out` that it is ready, and leaves stopping to the caller. */
export async function runSimulator(
  options: SimulatorOptions,
  out: { write(text: string): unknown },
): Promise<Simulator> {
  const simulator = await startSimulator({ ...options, items: { ...COUNTED, ...options.items } });
  out.write(`sluice simulator ready ${simulator.url}\n`);
  if (simulator.httpsUrl) out.write(`sluice simulator https ${simulator.httpsUrl}\n`);
  return simulator;
}

export { startReplay } from './replay/index.ts';
