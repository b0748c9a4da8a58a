/**
 * Reads the endpoints of a scan summary, which its entry in the list does not name: `V1/Task/ShowScanListByScanSummaryGuid`,
 * by the requests of public clients and the replies that were seen.
 */
import {
  actionOf,
  type Json,
  messageOf,
  type PageQuery,
  readSnapshot,
  type Snapshot,
  type StreamContext,
} from '../../../src/index.ts';
import { member, textOf, wholeOf } from '../shared/json.ts';
import { ENDPOINTS, SCAN_TYPES } from '../shared/routes.ts';
import { taskPage } from '../shared/task-list.ts';

/** Members of an endpoint in the list that its documents carry. */
const FACTS = ['machineName', 'ip', 'userName', 'machineOS', 'isOnline', 'machineGuid', 'productType'] as const;
/** A public client sends one of these, whose meaning is not known. Each is requested if the list is refused without a status. */
const STATUSES = [0, 1, 2, 3, 4, 5, 6];

export interface Endpoint {
  agentGuid: string;
  serverGuid: string | undefined;
  facts: { [member: string]: Json };
}

interface Asked {
  guid: string;
  scanType: Json;
  /** The number of endpoints, as the summary says. */
  agentCount: number | undefined;
}

/** All endpoints of one summary; `whole` says that none is missing. */
export async function readEndpoints(
  context: StreamContext,
  asked: Asked,
): Promise<{ endpoints: Endpoint[]; whole: boolean }> {
  const read = (lists: Snapshot['lists']) => readSnapshot(context, { lists, key: keyOf }, toEndpoint);
  const { records, unkeyed, settled } = await read([listOf(context, asked, {})]).catch((error: unknown) => {
    if (actionOf(error) !== 'reject') throw error;
    context.log.info(`${ENDPOINTS} without scanStatus is refused, so each status is requested: ${messageOf(error)}`);
    return read(STATUSES.map((scanStatus) => listOf(context, asked, { scanStatus })));
  });
  const endpoints = [...records.values()];
  const isShort = asked.agentCount !== undefined && endpoints.length < asked.agentCount;
  if (isShort) {
    context.log.warn(
      { key: asked.guid },
      `scan summary ${asked.guid} has ${asked.agentCount} endpoints, but only ${endpoints.length} are listed`,
    );
  }
  const nameless = [...unkeyed].length;
  if (nameless > 0)
    context.log.warn({ key: asked.guid }, `${nameless} endpoints of scan summary ${asked.guid} have no GUID`);
  return { endpoints, whole: settled && !isShort && nameless === 0 };
}

function listOf(context: StreamContext, { guid, scanType }: Asked, more: { [member: string]: Json }) {
  const payload = { scanType, scanSummaryGuid: [guid], ...more };
  const list = { url: ENDPOINTS, payload, names: ['scanEntity', 'scanEntities', 'scanList'], retry: 'brief' as const };
  return (query: PageQuery) => taskPage(context, list, query);
}

function keyOf(entry: unknown): string {
  const agent = textOf(member(entry, 'agentGuid', 'guid'));
  if (agent === undefined) throw new Error('the endpoint has no agentGuid');
  return `${textOf(member(entry, 'serverGuid')) ?? ''}/${agent}`.toLowerCase();
}

function toEndpoint(entry: unknown): Endpoint {
  const facts: { [member: string]: Json } = {};
  for (const name of FACTS) {
    const value = member(entry, name);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') facts[name] = value;
  }
  return {
    agentGuid: textOf(member(entry, 'agentGuid', 'guid')) ?? '',
    serverGuid: textOf(member(entry, 'serverGuid')),
    facts,
  };
}

/** The scan type of the summary; all documented types if the summary has none. */
export function scanTypeOf(summary: unknown): Json {
  return wholeOf(member(summary, 'scanType')) ?? [...SCAN_TYPES];
}
