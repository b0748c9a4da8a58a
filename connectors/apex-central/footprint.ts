/** Footprints: what led to what on an endpoint. Automation API guide, "ShowFootPrintTable". */
import { footprint as edge, members } from '../../members/apex-central/footprint.ts';
import {
  type Child,
  inTurns,
  memberOf,
  parseTimeMs,
  SluiceError,
  type Stream,
  type StreamContext,
  walkChildren,
} from '../../src/index.ts';
import { keyOf, makeRecords } from './footprint/events.ts';
import { placeOf, readParents } from './footprint/summaries.ts';
import { listed } from './shared/envelope.ts';
import { textOf, wholeOf } from './shared/json.ts';
import { CONTENT, ENDPOINTS, FOOTPRINTS, LIST } from './shared/routes.ts';
import { runTask } from './shared/task.ts';

/** The number of records in one part. */
const PART = 250;
const RATED = ['rating', 'riskLevel'] as const;

export const footprint: Stream = {
  name: 'apex_central.footprint',
  about: {
    title: 'Trend Micro Apex Central footprints (Endpoint Sensor root cause chains)',
    endpoints: [LIST, ENDPOINTS, FOOTPRINTS, CONTENT].map((task) => `PUT ${task}`),
    scopes: [],
    reading: 'per endpoint of each scan summary: a task at the vendor, polled until it has ended',
    key: 'the GUIDs of scan summary and endpoint, both nodes of the chain, event id and metaLinkId',
    limits: [
      'the lists of scan summaries and of their endpoints follow replies that were seen, not a document; endpoints of a summary that has ended are asked for again only when it changes, or after a restart',
      "of node types only processes are known for certain, other objects are told by their facts, and operations keep the vendor's numbers",
      'an endpoint that is off is asked again for as long as its scan summary is listed',
      'a request is signed before it waits for its turn in the rate limit: with less than a request every ten seconds it could grow too old for the vendor',
    ],
  },
  mode: 'children',
  // Each reading starts a new task; the name of the server and today's condition of the endpoint are not part of the event.
  ignored: ['taskId', 'serverName', 'TimeZone', 'endpoint'],
  secrets: [],
  key: keyOf,
  timeMs: (record) =>
    timeOf(memberOf(members, record, 'timestamp')) ??
    timeOf(memberOf(edge, memberOf(members, record, 'footprint'), 'timestamp')),
  isOpen: () => false,
  changes: [
    { action: 'footprint-rated', of: (record) => RATED.map((name) => memberOf(members, record, name) ?? undefined) },
    { action: 'footprint-facts-added', of: (record) => memberOf(members, record, 'meta') },
  ],
  actions: { updated: 'footprint-updated' },
  pages: (context, walk) => walkChildren(context, walk, { name: 'footprint', parents: readParents, read }),
};

function timeOf(value: unknown): number | undefined {
  return parseTimeMs(wholeOf(value) ?? textOf(value));
}

async function* read(context: StreamContext, child: Child): AsyncGenerator<unknown[], boolean> {
  const place = placeOf(child);
  const result = await runTask(context, FOOTPRINTS, {
    serverGuid: [place.serverGuid],
    agentGuid: place.agentGuid,
    scanSummaryGuid: place.scanSummaryGuid,
  });
  const records = await inTurns(makeRecords(result, place, child.facts.endpoint));
  for (let at = 0; at < records.length; at += PART) yield records.slice(at, at + PART);
  if (result.failures.length === 0) return true;
  // The records that came are delivered; the whole footprint is requested again later.
  throw new SluiceError(`${FOOTPRINTS}: task ${result.taskId} failed in part: ${listed(result.failures)}`, {
    action: 'retry',
    waitMs: context.settings.snapshotMs,
  });
}
