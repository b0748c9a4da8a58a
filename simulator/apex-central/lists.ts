import type { Reply } from '../reply.ts';
import type { Agent, Server } from './agents.ts';
import type { Summary } from './chains.ts';
import { failure, listReply, pageOf, successful } from './envelopes.ts';

/** The lists of investigations, of their endpoints, and of managed products. */

type Payload = Record<string, unknown>;

const PRODUCT = 'SLF_PRODUCT_OFFICESCAN_CE';
const AGENT_ACTIONS = ['cmd_restore_isolated_agent', 'cmd_isolate_agent', 'cmd_relocate_agent', 'cmd_uninstall_agent'];

export function scanSummaries(summaries: readonly Summary[], payload: Payload): Reply {
  if (!Array.isArray(payload.scanType)) return failure('the scanType is invalid');
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

/** Members that the lists of endpoints and of agents share. */
function machineOf(agent: Agent | undefined): object {
  return {
    ...{ isOnline: agent?.isOnline, isImportant: false, isolateStatus: 0, productType: 15, ip: agent?.ip },
    ...{ machineName: agent?.machineName, machineOS: agent?.machineOS, userName: agent?.userName },
    machineType: agent?.isServer ? 'Server' : 'Desktop',
  };
}

/** The endpoints of one scan summary. */
export function endpoints(agents: ReadonlyMap<string, Agent>, summaries: readonly Summary[], payload: Payload): Reply {
  const [wanted] = Array.isArray(payload.scanSummaryGuid) ? payload.scanSummaryGuid : [];
  const summary = summaries.find((one) => one.scanSummaryGuid.toLowerCase() === String(wanted).toLowerCase());
  if (summary === undefined) return failure('the scan summary was not found');
  const paged = pageOf(summary.agentGuids, payload);
  if (paged === undefined) return failure('the pagination is invalid');
  const scanEntity = paged.page.map((agentGuid, at) => ({
    ...{ rowId: at + 1, agentGuid, scanSummaryGuid: summary.scanSummaryGuid, status: 5, name: summary.name },
    ...{ riskCount: -1, scanType: 2, serverGuid: summary.serverGuid, serverName: 'SAMPLE_SERVER' },
    ...machineOf(agents.get(agentGuid)),
  }));
  return listReply({ scanEntity, pagination: paged.pagination });
}

/** Filters of the list of agents, by their number. */
const has = (text: string, value: unknown) => text.toLowerCase().includes(String(value).toLowerCase());
const FILTERS: Readonly<Record<number, (agent: Agent, value: unknown) => boolean>> = {
  1: ({ machineName }, value) => has(machineName, value),
  2: ({ isServer }, value) => Number(value) === (isServer ? 2 : 1),
  4: ({ ip }, value) => {
    const [from, to] = [value].flat().map((one) => numberOf(String(one)));
    return from !== undefined && to !== undefined && numberOf(ip) >= from && numberOf(ip) <= to;
  },
  // WIN_10, WIN_2019, MAC_OS
  5: ({ machineOS }, value) =>
    machineOS.replace('Server ', '').replace('Windows', 'WIN').replaceAll(' ', '_').toUpperCase() === value,
  6: ({ userName }, value) => has(userName, value),
  7: ({ isServer }, value) => has(isServer ? 'Server' : 'Desktop', value),
  8: ({ ip }, value) => has(ip, value),
  9: ({ machineOS }, value) => has(machineOS, value),
};

function numberOf(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The list of agents with a sensor, which all agents have. */
export function sensors(agents: ReadonlyMap<string, Agent>, payload: Payload): Reply {
  const filters = (payload.filter ?? []) as { type?: number; value?: unknown }[];
  if (!Array.isArray(filters) || filters.some(({ type = 0 }) => FILTERS[type] === undefined))
    return failure('the filter is invalid');
  const wanted = [...agents.values()].filter((agent) =>
    filters.every(({ type = 0, value }) => FILTERS[type]?.(agent, value)),
  );
  const paged = pageOf(wanted, payload);
  if (paged === undefined) return failure('the pagination is invalid');
  const agentEntity = paged.page.map((agent) => ({
    ...{ agentGuid: agent.agentGuid, serverGuid: agent.serverGuid, ...machineOf(agent) },
    ...{ machineGuid: agent.agentGuid, machineLabels: null, isEnable: true, userGuid: agent.agentGuid },
  }));
  return listReply({ agentEntity, agentQueryStatus: null, pagination: paged.pagination }, paged.hasMore);
}

/** The items whose members equal all query parameters. */
function selected<T extends object>(items: readonly T[], params: URLSearchParams, names: Record<string, keyof T>): T[] {
  const wanted = Object.entries(names).filter(([name]) => params.has(name));
  return items.filter((item) =>
    wanted.every(([name, member]) => String(item[member]).toLowerCase() === params.get(name)?.toLowerCase()),
  );
}

export function productAgents(agents: ReadonlyMap<string, Agent>, params: URLSearchParams): Reply {
  const items = [...agents.values()].map(({ agentGuid, serverGuid, machineName, ip, mac }) => ({
    ...{ entity_id: agentGuid.toLowerCase(), product: PRODUCT, managing_server_id: serverGuid, ad_domain: '' },
    ...{ folder_path: 'Workgroup', ip_address_list: ip, mac_address_list: mac, host_name: machineName },
    ...{ isolation_status: 'normal', capabilities: AGENT_ACTIONS },
  }));
  return successful(
    selected(items, params, {
      ...{ entity_id: 'entity_id', product: 'product', managing_server_id: 'managing_server_id' },
      ...{ ip_address: 'ip_address_list', mac_address: 'mac_address_list', host_name: 'host_name' },
    }),
  );
}

export function productServers(servers: readonly Server[], params: URLSearchParams): Reply {
  const items = servers.map(({ guid, name, ip }) => ({
    ...{ entity_id: guid, product: PRODUCT, ad_domain: '', host_name: name, ip_address_list: ip },
    capabilities: ['cmd_deploy_update_sources'],
  }));
  return successful(
    selected(items, params, {
      ...{ entity_id: 'entity_id', product: 'product', ip_address: 'ip_address_list', host_name: 'host_name' },
    }),
  );
}
