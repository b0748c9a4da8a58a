/**
 * The endpoints of a scan summary, which its entry in the list does not name: `V1/Task/ShowScanListByScanSummaryGuid`, as
 * public clients call it and as its replies look.
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

/** What the list says of an endpoint and its documents carry. */
const FACTS = ['machineName', 'ip', 'userName', 'machineOS', 'isOnline', 'machineGuid', 'productType'] as const;
/** A public client sends one of these, whose meaning is not known: asked for where the list is refused without. */
const STATUSES = [0, 1, 2, 3, 4, 5, 6];

export interface Endpoint {
  agentGuid: string;
  serverGuid: string | undefined;
  facts: { [member: string]: Json };
}

interface Asked {
  guid: string;
  scanType: Json;
  /** How many there are, as the summary says. */
  agentCount: number | undefined;
}

/** All endpoints of one summary; `whole` says that none can be missing. */
export async function readEndpoints(
  context: StreamContext,
  asked: Asked,
): Promise<{ endpoints: Endpoint[]; whole: boolean }> {
  const read = (lists: Snapshot['lists']) => readSnapshot(context, { lists, key: keyOf }, toEndpoint);
  const { records, unkeyed, settled } = await read([listOf(context, asked, {})]).catch((error: unknown) => {
    if (actionOf(error) !== 'reject') throw error;
    context.log.info(`${ENDPOINTS} without scanStatus is refused, so each is asked for: ${messageOf(error)}`);
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

/** By the summary's own type; all that are documented where it says none. */
export function scanTypeOf(summary: unknown): Json {
  return wholeOf(member(summary, 'scanType')) ?? [...SCAN_TYPES];
}
