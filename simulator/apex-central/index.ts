import { objectOf } from '../jwt.ts';
import { jsonReply, type Reply } from '../reply.ts';
import { type Asked, type Collection, type Revision, resource, type Site } from '../resource.ts';
import { truthFrom } from '../truth.ts';
import { refusal } from './access.ts';
import { makeAgents, makeServers } from './agents.ts';
import { type Chain, makeChain, makeSummaries } from './chains.ts';
import { BUSY, failure, wellDone } from './envelopes.ts';
import { endpoints, productAgents, productServers, scanSummaries, sensors } from './lists.ts';
import { createTasks, type TaskAnswer } from './tasks.ts';
import { rowsOf } from './write.ts';

/** Trend Micro Apex Central: one address, where the body names the call, and two lists of managed products. */

const PATH = '/WebApp/OSCE_iES/OsceIes/ApiEntry';
/** Paths in lower case, since clients write them in several ways. */
const AGENTS_PATH = '/webapp/api/agentresource/productagents';
const SERVERS_PATH = '/webapp/api/serverresource/productservers';
const STREAM = 'apex_central.footprint';

interface ApexCentral extends Collection {
  answer(asked: Asked): Reply;
}

type Body = Record<string, unknown>;

function createApexCentral({ facts, faults, settings }: Site): ApexCentral {
  const { applicationId = 'simulated-apex-application', apiKey = 'simulated-apex-key' } = settings.apex;
  const { footprints: count = 0, endless = 0, failEvery = 0, statusEvery = 0 } = settings.apex;
  const summaries = makeSummaries(facts, count, settings.endTime);
  const agents = makeAgents(facts, summaries);
  const servers = makeServers(facts);
  const tasks = createTasks(facts.seed, endless);
  const failedOnce = new Set<number>();
  let requests = 0;

  function* chains(): Generator<Chain> {
    for (const summary of summaries) for (const nth of summary.chains.keys()) yield makeChain(facts, summary, nth);
  }

  function* rows(): Generator<Revision> {
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

  const LISTS: Readonly<Record<string, (payload: Body) => Reply>> = {
    'V1/Task/ShowScanSummaryList': (payload) => scanSummaries(summaries, payload),
    'V1/Task/ShowScanListByScanSummaryGuid': (payload) => endpoints(agents, summaries, payload),
    'V1/Task/ShowAgentList': (payload) => sensors(agents, payload),
  };

  const managed = (url: string): Reply => {
    const [path = '', query = ''] = url.split('?');
    const params = new URLSearchParams(query);
    return path.toLowerCase().startsWith(AGENTS_PATH) ? productAgents(agents, params) : productServers(servers, params);
  };

  const answer: ApexCentral['answer'] = (asked) => {
    const why = refusal(asked, applicationId, apiKey, faults.now());
    if (why !== undefined) return { ...jsonReply(JSON.stringify({ Message: why })), status: 401 };
    if (asked.method === 'GET') return managed(asked.url);
    const body = objectOf(asked.body);
    if (body === undefined || body.TaskType !== 4) return failure('the body or its TaskType is invalid');
    if (failEvery > 0 && ++requests % failEvery === 0)
      return jsonReply(BUSY[(requests / failEvery) % BUSY.length] as string);
    const payload = (body.Payload ?? {}) as Body;
    const list = LISTS[String(body.Url)];
    if (list !== undefined) return list(payload);
    if (body.Url === 'V1/Task/ShowFootPrintTable') return footprints(payload);
    return body.Url === 'V1/Content/ShowContent' ? content(body) : failure('the Url is not supported');
  };

  return { answer, truth: { [STREAM]: truthFrom(rows) } };
}

function taskReply(chain: Chain | undefined, { taskId, lastContentId, hasMore, content }: TaskAnswer): Reply {
  const server = chain === undefined ? {} : { serverName: chain.serverName, serverGuid: chain.serverGuid };
  const head = JSON.stringify({ taskId, lastContentId, hasMore, errorServers: '[]', ...server });
  return wellDone(`${head.slice(0, -1)},"content":${content}}`);
}

const answer = (apex: ApexCentral, asked: Asked): Reply => apex.answer(asked);

export const apexCentral = resource<ApexCentral>({
  name: 'apex',
  streams: [STREAM],
  routes: [
    { endpoint: 'apex', path: PATH, method: 'PUT', answer },
    { endpoint: 'apex', path: AGENTS_PATH, anyCase: true, answer },
    { endpoint: 'apex', path: SERVERS_PATH, anyCase: true, answer },
  ],
  create: createApexCentral,
});
