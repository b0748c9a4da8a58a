/**
 * The list of investigations ("scan summaries"), whose endpoints are the parents of footprints.
 *
 * No document at hand shows an entry of `V1/Task/ShowScanSummaryList`. It is taken to be like the other tasks: `content`
 * holds entries with an inner `content`, in which a list of summaries stands, each with its GUID, its server, its
 * endpoints, a status and times. Names are accepted in the spellings below; an entry that names no server, endpoint or
 * summary is reported, never skipped silently.
 */
import { messageOf, SluiceError } from '../../src/errors.ts';
import { digestOf } from '../../src/identity.ts';
import type { ListReply, PageQuery } from '../../src/reading/settle.ts';
import { readSnapshot } from '../../src/reading/snapshot.ts';
import type { Child, StreamContext } from '../../src/types.ts';
import { garbled, readTaskReply, short } from './envelope.ts';
import { listOf, member, textOf, wholeOf } from './json.ts';
import { LIST, PATH, TASK_TYPE } from './routes.ts';

/** One endpoint in one investigation. */
export interface Place {
  serverGuid: string;
  agentGuid: string;
  scanSummaryGuid: string;
}

/** All endpoints of all investigations; `whole` says that none can be missing. */
export async function readParents(context: StreamContext): Promise<{ children: Child[]; whole: boolean }> {
  const lists = [(query: PageQuery) => listPage(context, query)];
  const key = (summary: unknown) => summaryGuid(summary).toLowerCase();
  const { records, unkeyed, settled } = await readSnapshot(context, { lists, key });
  const children = new Map<string, Child>();
  let whole = settled;
  for (const summary of [...records.values(), ...unkeyed]) {
    try {
      for (const child of childrenOf(summary)) children.set(child.key, child);
    } catch (error) {
      whole = false; // the others are read all the same
      context.log.warn(messageOf(error));
    }
  }
  return { children: [...children.values()], whole };
}

function summaryGuid(summary: unknown): string {
  const guid = textOf(member(summary, 'scanSummaryGuid', 'summaryGuid', 'guid'));
  if (guid === undefined) throw garbled(`${LIST}: a scan summary has no GUID: ${short(summary)}`);
  return guid;
}

async function listPage(context: StreamContext, { page, pageSize }: PageQuery): Promise<ListReply> {
  const pagination = { offset: (page - 1) * pageSize, limit: pageSize };
  return context.client.json<ListReply>({
    path: PATH,
    body: { Url: LIST, TaskType: TASK_TYPE, Payload: { pagination } },
    scope: '',
    priority: context.priority,
    signal: context.signal,
    retry: page > 1 ? 'few' : 'patient',
    accept: (reply) => readPage(context, reply, page, pageSize),
  });
}

function readPage({ log }: StreamContext, reply: unknown, page: number, pageSize: number): ListReply {
  const { content, failures } = readTaskReply(reply, LIST);
  if (failures.length > 0) log.warn(`${LIST} is not whole: ${failures.join('; ')}`);
  const records: unknown[] = [];
  let total: number | undefined;
  for (const entry of content) {
    if (entry.kind === 'unreadable') throw garbled(`${LIST}: the content is no JSON: ${short(entry.text)}`);
    const inner = entry.content;
    const list = Array.isArray(inner)
      ? inner
      : member(inner, 'scanSummary', 'scanSummaries', 'scanSummaryList', 'summaries');
    if (!Array.isArray(list)) throw garbled(`${LIST}: the content has no list of scan summaries`);
    for (const summary of list) records.push(summary);
    const said = wholeOf(member(inner, 'totalCount', 'total'));
    if (said !== undefined) total = (total ?? 0) + said;
  }
  if (page > 1 && records.length === 0 && total !== undefined && total > (page - 1) * pageSize) {
    throw new SluiceError('the list shrank while it was read', { action: 'walk-again' });
  }
  // Servers that did not answer may have more: the rest is read all the same, and nobody is taken to be gone.
  return { records, total, pageSize, doubtful: failures.length > 0 };
}

function childrenOf(summary: unknown): Child[] {
  const scanSummaryGuid = summaryGuid(summary);
  const [server] = several(member(summary, 'serverGuid', 'serverGuids'));
  const endpoints = member(summary, 'agents', 'agentList', 'endpoints', 'agentGuid', 'agentGuids');
  if (endpoints === undefined) throw garbled(`${LIST}: scan summary ${scanSummaryGuid} names no endpoints`);
  const agents = several(endpoints);
  const version = digestOf({ status: statusOf(summary), progress: member(summary, 'progress') ?? null });
  return agents.map((agent) => {
    const agentGuid = textOf(agent) ?? textOf(member(agent, 'agentGuid', 'guid'));
    const serverGuid = textOf(member(agent, 'serverGuid')) ?? textOf(server);
    if (agentGuid === undefined || serverGuid === undefined) {
      throw garbled(`${LIST}: an endpoint of scan summary ${scanSummaryGuid} has no GUID, or no server`);
    }
    const place = { serverGuid, agentGuid, scanSummaryGuid };
    return {
      key: keyOf(place),
      version,
      complete: !isRunning(summary),
      expectsRecords: false,
      facts: { ...place },
    };
  });
}

/** A list, or one GUID without brackets. */
function several(value: unknown): unknown[] {
  return listOf(value) ?? [value];
}

/** How the configuration writes it, in lower case, so that both mean the same child. */
export function keyOf({ serverGuid, agentGuid, scanSummaryGuid }: Place): string {
  return `${serverGuid}/${agentGuid}/${scanSummaryGuid}`.toLowerCase();
}

/** What a child reads: as the list spells it, else as the configuration does. */
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

/** Only what says so is taken for running: a footprint that is whole is read once, and again when its summary changes. */
function isRunning(summary: unknown): boolean {
  const progress = wholeOf(member(summary, 'progress'));
  return /running|pending|queued|progress|waiting|started/i.test(statusOf(summary)) || (progress ?? 100) < 100;
}
