import type { Facts } from '../attributes.ts';
import { drawsFor, saltOf } from '../hash.ts';
import { hex128 } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { guidOf, SERVERS, type Summary, serverGuid } from './chains.ts';

/** Security Agents: one on each device of the tenant, and on endpoints that only investigations name. */
export interface Agent {
  agentGuid: string;
  serverGuid: string;
  machineName: string;
  machineOS: string;
  isServer: boolean;
  isOnline: boolean;
  ip: string;
  mac: string;
  userName: string;
}

const SYSTEMS: Record<DeviceFacts['os'], readonly string[]> = {
  Windows: ['Windows 10', 'Windows 11', 'Windows Server 2019'],
  macOS: ['Mac OS'],
  Linux: ['Linux'],
};

function agentOf(facts: Facts, index: number, given: Pick<Agent, 'agentGuid' | 'serverGuid'>): Agent {
  const draws = drawsFor(facts.seed, index, saltOf('apex agent'));
  const device = facts.devices[index];
  const machineOS = draws.pick(SYSTEMS[device?.os ?? 'Windows']);
  const { domain, name } = draws.pick(facts.users);
  const bytes = hex128(draws.next).slice(0, 12).toUpperCase().match(/../g) ?? [];
  return {
    ...given,
    ...{ machineName: device?.name ?? `WKS-${1000 + index}`, machineOS, isServer: /Server|Linux/.test(machineOS) },
    isOnline: draws.chance(0.7),
    ...{ ip: `10.20.${Math.floor(index / 250)}.${(index % 250) + 1}`, mac: bytes.join('-') },
    userName: `${domain}\\${name}`,
  };
}

/** All agents by their GUID; each belongs to the server that its first investigation names. */
export function makeAgents(facts: Facts, summaries: readonly Summary[]): Map<string, Agent> {
  const servers = new Map(summaries.flatMap((one) => one.agentGuids.map((guid) => [guid, one.serverGuid])));
  const known = facts.devices.map(({ opticsId }) => guidOf(opticsId));
  const agents = new Map<string, Agent>();
  for (const agentGuid of [...known, ...servers.keys()]) {
    if (agents.has(agentGuid)) continue;
    const index = agents.size;
    const server = servers.get(agentGuid) ?? serverGuid(facts.seed, index);
    agents.set(agentGuid, agentOf(facts, index, { agentGuid, serverGuid: server }));
  }
  return agents;
}

export interface Server {
  guid: string;
  name: string;
  ip: string;
}

export function makeServers({ seed }: Facts): Server[] {
  return Array.from({ length: SERVERS }, (_, index) => ({
    ...{ guid: serverGuid(seed, index), name: `apex-server-${index + 1}`, ip: `10.20.255.${index + 1}` },
  }));
}
