/**
 * The alert that says that alerts were held: one for each source, sink and hour, as a document of a pipeline of its own
 * that goes the ordinary way (prepare, write, commit, recover). Which hours are to be told stands in the state, stored in the
 * commit of what was held; which are told, too.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import ecsPackage from '@elastic/ecs/package.json' with { type: 'json' };
import type { Logger } from 'pino';
import type { StreamName } from '../../api/document.ts';
import { messageWithAdvice } from '../../api/errors.ts';
import { documentId, revisionOf } from '../../api/records/identity.ts';
import type { OutDocument, Sink } from '../../api/sink.ts';
import type { DeclaredFields } from '../../api/stream.ts';
import { toJson } from '../../sinks/serialize.ts';
import type { PipelineState, Row } from '../../state/store.ts';
import { recover } from '../recover.ts';
import { createSinkGate } from '../sink-gate.ts';
import { alertCounts, HOUR_MS } from './limit.ts';

/** Its stream, which no connector has. */
export const ALERT_LIMIT: { readonly name: StreamName; readonly fields: DeclaredFields } = {
  name: 'sluice.alert_limit',
  fields: {
    prefix: 'sluice.alert_limit',
    ecs: ['event.action', 'event.reason', 'event.start', 'event.end', 'rule.name', 'message', 'agent.type'],
    custom: {
      'sluice.alert_limit.source': 'keyword',
      'sluice.alert_limit.sink': 'keyword',
      'sluice.alert_limit.max_per_hour': 'long',
    },
  },
};

/** Of one source in one sink. */
export interface AlertTeller {
  /** `source/sluice.alert_limit/sink` */
  name: string;
  source: string;
  sinkName: string;
  sink: Sink;
  state: PipelineState;
  /** The pipelines whose alerts are limited together. */
  limited: readonly Pick<PipelineState, 'fact'>[];
  maxPerHour: number;
  hardStop: AbortSignal;
  log: Logger;
  now: () => number;
}

const WALK = 'tell';
const LOOK_MS = 2000;

/** Tells of every hour that is not told yet. Returns whether all are; trouble is logged once, and tried again at the next call. */
export function createTeller(teller: AlertTeller): () => Promise<boolean> {
  let isRecovered = false;
  let number: number | undefined;
  let failure: string | undefined;
  return async () => {
    const { state, sink, name, log, limited, hardStop } = teller;
    const hours = new Set(limited.flatMap((one) => alertCounts(one).held.map(({ hourMs }) => hourMs)));
    const untold = [...hours].filter((hourMs) => state.known(keyOf(teller, hourMs)) === undefined).sort();
    if (untold.length === 0) return true;
    try {
      if (!isRecovered) await recover(recoveryNeeds(teller), hardStop);
      isRecovered = true;
      const fresh = untold.filter((hourMs) => state.known(keyOf(teller, hourMs)) === undefined); // recovery found the others
      if (fresh.length === 0) return true;
      number ??= state.begin(WALK, 'sweep', { fromMs: fresh[0] ?? 0, toMs: fresh[0] ?? 0 }).batch;
      isRecovered = false; // until it is committed
      await send(teller, ++number, fresh);
      isRecovered = true;
      failure = undefined;
      return true;
    } catch (error) {
      number = undefined; // recovery passes the numbers that may have arrived
      await sink.outcomeUnknown?.(name, WALK);
      const said = messageWithAdvice(error);
      if (!hardStop.aborted && said !== failure) log.warn(`that alerts are held cannot be told yet: ${said}`);
      failure = said;
      return false;
    }
  };
}

/** Looks every two seconds, until the signal. */
export async function keepTelling(tell: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await tell();
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}

async function send(teller: AlertTeller, number: number, hours: readonly number[]): Promise<void> {
  const { name, state, sink, log, hardStop, source, sinkName, maxPerHour } = teller;
  const documents = hours.map((hourMs) => toOut(teller, hourMs));
  const rows = documents.map(rowOf);
  if (sink.looksUp) state.prepare(WALK, number, rows);
  const { rejections, receipt } = await sink.write({ pipeline: name, walk: WALK, number, documents }, hardStop);
  const kept = rejections.map((one) => {
    const out = documents.find(({ id }) => id === one.id);
    return { ...one, key: out?.key ?? '', document: out?.json.toString('utf8') ?? 'null' };
  });
  state.commit({ walk: WALK, number, rows, ledger: [], rejections: kept, children: [], receipt });
  const fields = { 'sluice.source': source, 'sluice.sink': sinkName, hours: hours.map(iso), max: maxPerHour };
  log.warn(fields, 'more alerts than alerts.max_per_hour: further ones are events with the tag alert_held');
}

function keyOf({ source, sinkName }: AlertTeller, hourMs: number): string {
  return `${source}/${sinkName} ${iso(hourMs)}`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Its id says nothing that may be another thing when it is made again: how many were held is in the metrics. */
function toOut(teller: AlertTeller, hourMs: number): OutDocument {
  const { source, sinkName, maxPerHour, now } = teller;
  const key = keyOf(teller, hourMs);
  const [start, end] = [iso(hourMs), iso(hourMs + HOUR_MS)];
  const message = `Source ${source} raised more than ${maxPerHour} alerts in the hour from ${start}: further ones are shipped as events with the tag alert_held.`;
  const document = {
    message,
    ecs: { version: ecsPackage.version },
    agent: { type: 'sluice' },
    rule: { name: 'Sluice: alerts are held' },
    sluice: { alert_limit: { source, sink: sinkName, max_per_hour: maxPerHour } },
    data_stream: { type: 'logs', dataset: ALERT_LIMIT.name, namespace: source },
  };
  const revision = revisionOf(document, new Set());
  const id = documentId(ALERT_LIMIT.name, key, 1, revision);
  const event = {
    ...{ kind: 'alert', category: ['configuration'], type: ['info'], module: 'sluice', dataset: ALERT_LIMIT.name },
    ...{ action: 'alerts-held', severity: 73, start, end, reason: message, id: key, hash: revision, sequence: 1 },
  };
  const whole = { '@timestamp': iso(now()), ...document, event };
  const names = { id, key, stream: ALERT_LIMIT.name, namespace: source, revision, ordinal: 1 };
  return { ...names, hostId: undefined, ...toJson(whole) };
}

function rowOf({ id, key, revision }: OutDocument): Row {
  return {
    ...{ id, key, revision, rowId: undefined, fingerprint: null, ordinal: 1, timeMs: null, digests: '' },
    ...{ deleted: false, refreshAtMs: null, refreshMs: 0, seenMs: null },
  };
}

function recoveryNeeds({ name, source, sink, state, hardStop, log }: AlertTeller): Parameters<typeof recover>[0] {
  const names = { name, registered: { stream: ALERT_LIMIT }, source: { name: source } };
  const events = { asking: () => {}, answered: () => {} };
  return { ...names, sink, state, hardStop, log, events, sinkGate: createSinkGate() };
}
