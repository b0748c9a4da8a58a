/**
 * Heartbeats: small documents in the sink itself, by whose absence a SIEM notices that Sluice, its vendor or its sink is
 * away. They go the ordinary way (prepare, write, commit, recover) as a pipeline of their own, so that each is there once;
 * none is kept for later, and none holds up anything else.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { EcsDocument, StreamName } from '../api/document.ts';
import { messageWithAdvice } from '../api/errors.ts';
import { documentId, revisionOf } from '../api/records/identity.ts';
import type { OutDocument, Sink } from '../api/sink.ts';
import type { DeclaredFields } from '../api/stream.ts';
import { toJson } from '../sinks/serialize.ts';
import type { PipelineState, Row } from '../state/store.ts';
import { recover } from './recover.ts';
import { createSinkGate } from './sink-gate.ts';

/** Its stream, which no connector has: `event.dataset`, and the data stream, topic or folder. */
export const HEARTBEAT: { readonly name: StreamName; readonly fields: DeclaredFields } = {
  name: 'sluice.heartbeat',
  fields: {
    prefix: 'sluice.heartbeat',
    ecs: ['agent.id', 'agent.type', 'agent.version'],
    custom: {
      'sluice.heartbeat.pipeline': 'keyword',
      'sluice.heartbeat.source': 'keyword',
      'sluice.heartbeat.stream': 'keyword',
      'sluice.heartbeat.sink': 'keyword',
      'sluice.heartbeat.status': 'keyword',
      'sluice.heartbeat.why': 'keyword',
      'sluice.heartbeat.interval': 'long',
      'sluice.heartbeat.settled_until': 'date',
      'sluice.heartbeat.delivered': 'long',
      'sluice.heartbeat.rejected': 'long',
      'sluice.heartbeat.windows': 'long',
      'sluice.heartbeat.unsettled': 'long',
      'sluice.heartbeat.owed': 'long',
      'sluice.heartbeat.gaps': 'long',
    },
  },
};

/** Of one source in one sink. */
export interface Heart {
  /** `source/sluice.heartbeat/sink` */
  name: string;
  source: string;
  sink: Sink;
  state: PipelineState;
  everyMs: number;
  hardStop: AbortSignal;
  log: Logger;
  now: () => number;
  /** A document for each pipeline, by its name. */
  documents(): ReadonlyMap<string, EcsDocument>;
  /** The sink has the last documents: counts begin anew. */
  taken(): void;
}

const WALK = 'beat';
/** The fact with the interval that was told last. */
const LAST = 'beat';

export interface Heartbeat {
  /** Tells the interval at hand, unless it was told already. Never throws. */
  beat(): Promise<void>;
}

export function createHeartbeat(heart: Heart): Heartbeat {
  let isRecovered = false;
  let number: number | undefined;
  let failure: string | undefined;
  return {
    async beat() {
      const { state, sink, name, log, now, everyMs } = heart;
      try {
        if (!isRecovered) await recover(recoveryNeeds(heart), heart.hardStop);
        isRecovered = true;
        const slotMs = Math.floor(now() / everyMs) * everyMs;
        if (state.fact(LAST) === slotMs) return;
        number ??= state.begin(WALK, 'sweep', { fromMs: slotMs, toMs: slotMs }).batch;
        isRecovered = false; // until it is committed
        await send(heart, ++number, slotMs);
        isRecovered = true;
        if (failure !== undefined) log.info(`${name} is taken again`);
        failure = undefined;
      } catch (error) {
        number = undefined; // recovery passes the numbers that may have arrived
        await sink.outcomeUnknown?.(name, WALK);
        const said = messageWithAdvice(error);
        if (!heart.hardStop.aborted && said !== failure) log.warn(`${name} cannot be told, all else goes on: ${said}`);
        failure = said;
      }
    },
  };
}

/** Beats at the begin of each interval, until the signal. */
export async function keepBeating(heartbeat: Heartbeat, { everyMs, now }: Heart, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await heartbeat.beat();
    const pauseMs = everyMs - (now() % everyMs);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

async function send(heart: Heart, number: number, slotMs: number): Promise<void> {
  const { name, state, sink, log, hardStop } = heart;
  const made = [...heart.documents()].map(([pipeline, document]) => toOut(heart, pipeline, document, slotMs));
  const fresh = made.filter(({ key }) => state.known(key) === undefined); // recovery found the others in the sink
  if (sink.looksUp && fresh.length > 0) state.prepare(WALK, number, fresh.map(rowOf));
  const batch = { pipeline: name, walk: WALK, number, documents: fresh };
  const before = { rejections: [], receipt: state.walk(WALK)?.receipt ?? null };
  const { rejections, receipt } = fresh.length > 0 ? await sink.write(batch, hardStop) : before;
  const nothing = { rows: [], ledger: [], rejections: [], children: [] };
  state.commit({ walk: WALK, number, ...nothing, facts: { [LAST]: slotMs }, receipt });
  heart.taken();
  for (const { type, reason } of rejections.slice(0, 1))
    log.warn(`${name}: the sink rejects heartbeats, which are not kept: ${type}: ${reason}`);
}

function toOut({ source }: Heart, pipeline: string, document: EcsDocument, slotMs: number): OutDocument {
  const key = `${pipeline} ${new Date(slotMs).toISOString()}`;
  const revision = revisionOf(document, new Set());
  const id = documentId(HEARTBEAT.name, key, 1, revision);
  const event = { ...(document.event as object), id: key, hash: revision, sequence: 1 };
  const dataStream = { type: 'logs', dataset: HEARTBEAT.name, namespace: source };
  const whole = { ...document, event, data_stream: dataStream };
  const names = { id, key, stream: HEARTBEAT.name, namespace: source };
  return { ...names, revision, ordinal: 1, hostId: undefined, ...toJson(whole) };
}

function rowOf({ id, key, revision }: OutDocument): Row {
  return {
    ...{ id, key, revision, rowId: undefined, fingerprint: null, ordinal: 1, timeMs: null, digests: '' },
    ...{ deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null },
  };
}

function recoveryNeeds({ name, source, sink, state, hardStop, log }: Heart): Parameters<typeof recover>[0] {
  const names = { name, registered: { stream: HEARTBEAT }, source: { name: source } };
  const events = { asking: () => {}, answered: () => {} };
  return { ...names, sink, state, hardStop, log, events, sinkGate: createSinkGate() };
}
