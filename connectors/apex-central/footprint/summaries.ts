/**
 * Reads the list of investigations ("scan summaries"), whose endpoints are the parents of footprints.
 *
 * Real replies of `V1/Task/ShowScanSummaryList` have `scanSummaryEntity[]` with a numeric status and without endpoints: a
 * list for each summary has those (`endpoints.ts`), requested once while the summary does not change. If an entry names its
 * endpoints itself, those are used. An entry that cannot be read is reported, and does not keep the others from being read.
 */
import {
  type Child,
  exactDigestOf,
  isGeneral,
  messageOf,
  type PageQuery,
  type Parents,
  readSnapshot,
  type StreamContext,
} from '../../../src/index.ts';
import { garbled, short } from '../shared/envelope.ts';
import { listOf, member, textOf, wholeOf } from '../shared/json.ts';
import { LIST, SCAN_TYPES } from '../shared/routes.ts';
import { type TaskList, taskPage } from '../shared/task-list.ts';
import { type Endpoint, readEndpoints, scanTypeOf } from './endpoints.ts';

/** One endpoint in one investigation. */
export interface Place {
  serverGuid: string;
  agentGuid: string;
  scanSummaryGuid: string;
}

/** All endpoints of all investigations; `whole` says that none is missing. */
export async function readParents(context: StreamContext): Promise<Parents> {
  const lists = [(query: PageQuery) => taskPage(context, SUMMARIES, query)];
  const key = (summary: unknown) => summaryGuid(summary).toLowerCase();
  const { records, unkeyed, settled } = await readSnapshot(context, { lists, key });
  const children = new Map<string, Child>();
  let whole = settled;
  let refused: unknown;
  for (const summary of [...records.values(), ...unkeyed]) {
    try {
      const listed = await endpointsOf(context, summary);
      whole &&= listed.whole;
      const { found, missing } = childrenOf(summary, listed.endpoints);
      for (const child of found) children.set(child.key, child);
      if (missing === 0) continue;
      whole = false;
      context.log.warn(`${LIST}: ${missing} endpoints of scan summary ${summaryGuid(summary)} have no server`);
    } catch (error) {
      context.signal.throwIfAborted();
      if (isGeneral(error)) refused ??= error;
      whole = false; // the other summaries are read all the same
      context.log.warn(messageOf(error));
    }
  }
  return { children: [...children.values()], whole, refused };
}

function summaryGuid(summary: unknown): string {
  const guid = textOf(member(summary, 'scanSummaryGuid', 'summaryGuid', 'guid'));
  if (guid === undefined) throw garbled(`${LIST}: a scan summary has no GUID: ${short(summary)}`);
  return guid;
}

const SUMMARIES: TaskList = {
  url: LIST,
  payload: { scanType: [...SCAN_TYPES] },
  names: ['scanSummaryEntity', 'scanSummary', 'scanSummaries', 'scanSummaryList', 'summaries'],
  retry: 'patient',
};

type Listed = Awaited<ReturnType<typeof readEndpoints>>;

/** Endpoints of summaries that have ended and do not change, per pipeline: a quiet poll requests none. */
const known = new WeakMap<StreamContext['settings'], Map<string, { version: string; listed: Listed }>>();
const MOST_KNOWN = 20_000;

/** Members in which a summary may name its endpoints. */
const NAMING = ['agents', 'agentList', 'endpoints', 'agentGuid', 'agentGuids'];

async function endpointsOf(context: StreamContext, summary: unknown): Promise<Listed> {
  const guid = summaryGuid(summary);
  for (const name of NAMING) {
    const named = several(member(summary, name)).map(namedEndpoint);
    const endpoints = named.filter((endpoint) => endpoint !== undefined);
    if (endpoints.length === 0) continue; // empty, or a count: no endpoint is named
    const missing = named.length - endpoints.length;
    if (missing > 0) context.log.warn(`${LIST}: ${missing} endpoints of scan summary ${guid} have no GUID`);
    return { endpoints, whole: missing === 0 };
  }
  const remembered = known.get(context.settings) ?? new Map();
  known.set(context.settings, remembered);
  const version = versionOf(summary);
  const before = remembered.get(guid);
  if (before?.version === version && before.listed.whole && !isRunning(summary)) return before.listed;
  const agentCount = wholeOf(member(summary, 'agentCount'));
  const listed = await readEndpoints(context, { guid, scanType: scanTypeOf(summary), agentCount });
  if (remembered.size < MOST_KNOWN || remembered.has(guid)) remembered.set(guid, { version, listed });
  return listed;
}

/** Undefined if no GUID can be read. A small number is not a GUID, but a count. */
function namedEndpoint(agent: unknown): Endpoint | undefined {
  const agentGuid = textOf(agent) ?? textOf(member(agent, 'agentGuid', 'guid'));
  if (agentGuid === undefined || /^-?\d{1,9}$/.test(agentGuid)) return undefined;
  return { agentGuid, serverGuid: textOf(member(agent, 'serverGuid')), facts: {} };
}

/** The version of the summary; another version means that there may be more to read. */
function versionOf(summary: unknown): string {
  const progress = member(summary, 'progress', 'progressInfo') ?? null;
  return exactDigestOf({ status: statusOf(summary), progress });
}

/** The children of a summary; `missing` counts endpoints without a server, which cannot be asked. */
function childrenOf(summary: unknown, endpoints: readonly Endpoint[]): { found: Child[]; missing: number } {
  const scanSummaryGuid = summaryGuid(summary);
  const [server] = several(member(summary, 'serverGuid', 'serverGuids', 'serverGuidList'));
  const version = versionOf(summary);
  const found = endpoints.flatMap(({ agentGuid, serverGuid = textOf(server), facts }): Child[] => {
    if (serverGuid === undefined) return [];
    const place = { serverGuid, agentGuid, scanSummaryGuid };
    return [
      {
        key: keyOf(place),
        version,
        complete: !isRunning(summary),
        expectsRecords: false,
        facts: { ...place, ...(Object.keys(facts).length === 0 ? {} : { endpoint: facts }) },
      },
    ];
  });
  return { found, missing: endpoints.length - found.length };
}

/** A list, or one GUID without brackets. */
function several(value: unknown): unknown[] {
  return listOf(value) ?? [value];
}

/** The key as the configuration writes it, in lower case, so that list and configuration name the same child. */
export function keyOf({ serverGuid, agentGuid, scanSummaryGuid }: Place): string {
  return `${serverGuid}/${agentGuid}/${scanSummaryGuid}`.toLowerCase();
}

/** The endpoint and investigation of a child, spelled as in the list, else as in the configuration. */
export function placeOf({ key, facts }: Child): Place {
  const [server = '', agent = '', summary = ''] = key.split('/');
  return {
    serverGuid: textOf(facts.serverGuid) ?? server,
    agentGuid: textOf(facts.agentGuid) ?? agent,
    scanSummaryGuid: textOf(facts.scanSummaryGuid) ?? summary,
  };
}

function statusOf(summary: unknown): string {
  return textOf(member(summary, 'status')) ?? '';
}

/** 0 pending and 1 running; 2 cancelled, 3 complete, 4 invalid, 5 purged and 6 error are final. */
const RUNNING = new Set(['0', '1']);

/** Only a summary with such a status is running: a whole footprint is read once, and again when its summary changes. */
function isRunning(summary: unknown): boolean {
  const progress = wholeOf(member(summary, 'progress'));
  const status = statusOf(summary);
  if (RUNNING.has(status)) return true;
  return /running|pending|queued|progress|waiting|started/i.test(status) || (progress ?? 100) < 100;
}
