import type { Facts } from '../attributes.ts';
import { jsonReply, type Reply } from '../reply.ts';
import type { StreamSummary } from '../stream-truth.ts';
import type { TruthText } from '../truth.ts';
import { type Asked, refusal } from './access.ts';
import { type Chain, makeChain, makeSummaries, type Summary } from './chains.ts';
import { createTasks, type TaskAnswer } from './tasks.ts';
import { rowsOf, TIME_ZONE } from './write.ts';

/** Trend Micro Apex Central: one address, whose body says what is asked for. */

export const APEX_PATH = '/WebApp/OSCE_iES/OsceIes/ApiEntry';
export const APEX_STREAM = 'apex_central.footprint';

export interface ApexOptions {
  /** Default: `simulated-apex-application`. */
  applicationId?: string;
  /** Default: `simulated-apex-key`. */
  apiKey?: string;
  /** How many scan summaries there are; each has one to three endpoints. Default 0. */
  footprints?: number;
  /** The tasks of so many endpoints, the first ones, never end. */
  endless?: number;
  /** Every so many-th good request fails with HTTP 200, in each of the envelopes in turn. */
  failEvery?: number;
  /** The first task of every so many-th endpoint has an entry with another status than 0. */
  statusEvery?: number;
}

export interface ApexCentral {
  /** How many scan summaries there are. */
  count: number;
  answer(asked: Asked, nowMs: number): Reply;
  /** What a perfect connector hands on, one row for each event. */
  rows(): Generator<TruthText>;
  summary(): StreamSummary;
}

type Body = Record<string, unknown>;
const NOISE =
  '"PermissionCtrl":{"permission":"255","elements":null},"FeatureCtrl":{"mode":"0"},"SystemCtrl":{"TmcmSoDist_Role":"none"}';
const BUSY = [
  `{"Data":{"Code":5,"CodeType":1,"Message":"The server is busy","Data":null},${NOISE}}`,
  `{"Data":{"Code":0,"Message":"OK","Data":{}},"Meta":{"result":0,"errorCode":1012,"errorMessgae":"The server is busy"},${NOISE}}`,
  '{"result_code":-1,"result_description":"The server is busy","result_content":[]}',
];

export function createApexCentral(facts: Facts, endTime: number, options: ApexOptions = {}): ApexCentral {
  const { applicationId = 'simulated-apex-application', apiKey = 'simulated-apex-key' } = options;
  const { footprints: count = 0, endless = 0, failEvery = 0, statusEvery = 0 } = options;
  const summaries = makeSummaries(facts, count, endTime);
  const tasks = createTasks(facts.seed, endless);
  const failedOnce = new Set<number>();
  let requests = 0;

  function* chains(): Generator<Chain> {
    for (const summary of summaries) for (const nth of summary.chains.keys()) yield makeChain(facts, summary, nth);
  }

  function* rows(): Generator<TruthText> {
    for (const chain of chains()) for (const row of rowsOf(chain)) yield { ...row, ordinal: 1, kind: 'detail' };
  }

  const find = (server: string, agent: string, scan: string): Chain | undefined => {
    const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
    for (const summary of summaries) {
      if (!same(summary.scanSummaryGuid, scan) || !same(summary.serverGuid, server)) continue;
      const nth = summary.agentGuids.findIndex((one) => same(one, agent));
      if (nth >= 0) return makeChain(facts, summary, nth);
    }
    return undefined;
  };

  const footprints = (payload: Body): Reply => {
    const { serverGuid, agentGuid, scanSummaryGuid } = payload;
    if (!Array.isArray(serverGuid)) return failure('serverGuid is invalid');
    const chain = find(String(serverGuid[0]), String(agentGuid), String(scanSummaryGuid));
    if (chain === undefined) return failure('the investigation was not found');
    const answer = tasks.start(chain);
    if (statusEvery > 0 && chain.index % statusEvery === 0 && !failedOnce.has(chain.index)) {
      failedOnce.add(chain.index);
      return taskReply(chain, {
        ...answer,
        hasMore: false,
        content: '[{"statusCode":5,"message":"TMSL_E_AGENT_BUSY"}]',
      });
    }
    return taskReply(chain, answer);
  };

  const content = ({ TaskId, ContentId }: Body): Reply => {
    if (typeof ContentId !== 'string') return failure('ContentId is missing');
    const answer = tasks.go(String(TaskId), ContentId);
    if (answer === undefined) return failure('the task does not exist');
    return answer === 'wrong' ? failure('ContentId is invalid') : taskReply(undefined, answer);
  };

  const answer: ApexCentral['answer'] = (asked, nowMs) => {
    const why = refusal(asked, applicationId, apiKey, nowMs);
    if (why !== undefined) return { ...jsonReply(JSON.stringify({ Message: why })), status: 401 };
    const body = parsed(asked.body);
    if (body === undefined || body.TaskType !== 4) return failure('the body or its TaskType is invalid');
    if (failEvery > 0 && ++requests % failEvery === 0)
      return jsonReply(BUSY[(requests / failEvery) % BUSY.length] as string);
    const payload = (body.Payload ?? {}) as Body;
    if (body.Url === 'V1/Task/ShowScanSummaryList') return list(summaries, payload);
    if (body.Url === 'V1/Task/ShowScanListByScanSummaryGuid') return endpoints(facts, summaries, payload);
    if (body.Url === 'V1/Task/ShowFootPrintTable') return footprints(payload);
    return body.Url === 'V1/Content/ShowContent' ? content(body) : failure('the Url is not supported');
  };

  return {
    ...{ count, answer, rows },
    summary: () => {
      let records = 0;
      for (const _row of rows()) records++;
      return { records, revisions: records };
    },
  };
}

function parsed(body: Buffer): Body | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** HTTP 200, and yet refused. */
function failure(message: string): Reply {
  const meta = JSON.stringify({ result: 0, errorCode: 1017, errorMessgae: message });
  return jsonReply(`{"Data":{"Code":0,"CodeType":1,"Message":"OK","Data":null},"Meta":${meta},${NOISE}}`);
}

function wellDone(data: string): Reply {
  const meta = '"Meta":{"result":1,"errorCode":0,"errorMessgae":"Success"}';
  const outer = `{"Code":0,"CodeType":1,"Message":"OK","Data":${data},"TimeZone":${TIME_ZONE}}`;
  return jsonReply(`{"Data":${outer},${meta},${NOISE}}`);
}

function taskReply(chain: Chain | undefined, { taskId, lastContentId, hasMore, content }: TaskAnswer): Reply {
  const server = chain === undefined ? {} : { serverName: chain.serverName, serverGuid: chain.serverGuid };
  const head = JSON.stringify({ taskId, lastContentId, hasMore, errorServers: '[]', ...server });
  return wellDone(`${head.slice(0, -1)},"content":${content}}`);
}

function pageOf<T>(items: readonly T[], payload: Body): { page: T[]; pagination: object } | undefined {
  const { offset = 0, limit = 20 } = (payload.pagination ?? {}) as { offset?: unknown; limit?: unknown };
  if (!Number.isInteger(offset) || !Number.isInteger(limit)) return undefined;
  const from = Number(offset);
  return { page: items.slice(from, from + Number(limit)), pagination: { offset, limit, total: items.length } };
}

function listReply(content: object): Reply {
  const entry = { statusCode: 0, message: 'Success', content };
  const head = { taskId: '', lastContentId: '', hasMore: false, serverGuid: '', serverName: '' };
  return wellDone(JSON.stringify({ ...head, content: [entry] }));
}

function list(summaries: readonly Summary[], payload: Body): Reply {
  const { scanType } = payload;
  if (!Array.isArray(scanType)) return failure('the scanType is invalid');
  const paged = pageOf(summaries, payload);
  if (paged === undefined) return failure('the pagination is invalid');
  const scanSummaryEntity = paged.page.map((summary, at) => ({
    ...{ scanSummaryId: at + 1, scanSummaryGuid: summary.scanSummaryGuid, status: 3, statusForUI: 3, scanType: 2 },
    ...{ submitTime: summary.startTime, finishTime: summary.finishTime, specificAgentType: 1, name: summary.name },
    progressInfo: { safeCount: 0, riskCount: summary.agentGuids.length, pendingCount: 0, processingCount: 0 },
    ...{ agentCount: summary.agentGuids.length, matchedAgentCount: summary.agentGuids.length },
    ...{ serverGuidList: [summary.serverGuid], creator: 'analyst', errorServers: '[]' },
  }));
  return listReply({ scanSummaryEntity, pagination: paged.pagination });
}

/** The endpoints of one scan summary. */
function endpoints(facts: Facts, summaries: readonly Summary[], payload: Body): Reply {
  const [wanted] = Array.isArray(payload.scanSummaryGuid) ? payload.scanSummaryGuid : [];
  const summary = summaries.find(
    ({ scanSummaryGuid }) => scanSummaryGuid.toLowerCase() === String(wanted).toLowerCase(),
  );
  if (summary === undefined) return failure('the scan summary was not found');
  const paged = pageOf(summary.agentGuids, payload);
  if (paged === undefined) return failure('the pagination is invalid');
  const scanEntity = paged.page.map((agentGuid, at) => {
    const device = facts.devices[(summary.chains[at] ?? 0) % facts.devices.length];
    return {
      ...{ rowId: at + 1, agentGuid, scanSummaryGuid: summary.scanSummaryGuid, status: 5, name: summary.name },
      ...{ riskCount: -1, scanType: 2, serverGuid: summary.serverGuid, serverName: 'SAMPLE_SERVER' },
      ...{ isOnline: at % 2 === 0, ip: `10.20.0.${(at % 250) + 1}`, machineName: device?.name ?? 'WKS-0001' },
      ...{ userName: `${device?.name ?? 'WKS-0001'}\\analyst`, machineOS: 'Windows Server 2019', productType: 15 },
    };
  });
  return listReply({ scanEntity, pagination: paged.pagination });
}
