import type { Facts } from '../attributes.ts';
import { type Draws, drawsFor, mix, saltOf } from '../hash.ts';
import { hex128, uuid } from '../ids.ts';
import { type Secrets, secretsFor } from '../secrets.ts';

/**
 * The findings of Endpoint Sensor on one endpoint in one investigation: a chain of nodes with their events. Everything is a
 * pure function of the seed and the index.
 */

export interface Meta {
  type: number;
  id: string;
  value: string;
}

export interface ChainEvent {
  eventId: string;
  /** The digits of a 64-bit number. */
  metaLinkId: string;
  /** All other members, in the vendor's names. */
  facts: Record<string, unknown>;
  metas: Meta[];
}

export interface Node {
  objectId: string;
  parentId: string;
  operationType: number;
  timestamp: number;
  groupNo: number;
  events: ChainEvent[];
}

export interface Chain {
  index: number;
  serverGuid: string;
  serverName: string;
  agentGuid: string;
  scanSummaryGuid: string;
  nodes: Node[];
  group: { groupNo: number; timestamp: number };
  /** A further content entry that is no JSON. */
  malformed: string | undefined;
}

export interface Summary {
  scanSummaryGuid: string;
  serverGuid: string;
  name: string;
  startTime: number;
  finishTime: number;
  /** The indexes of the summary's chains. */
  chains: number[];
  agentGuids: string[];
}

const SECRETS_FROM = 800_000_000;
export const SERVERS = 2;
const PROGRAMS: readonly [directory: string, name: string, argument: string, signer: string][] = [
  ['C:\\Program Files (x86) \\Trend Micro \\OfficeScan\\PCCSRV \\WSS\\', 'iCRCService.exe', '', 'Trend Micro, Inc.'],
  ['C:\\Windows\\System32\\', 'services.exe', '', 'Microsoft Windows Publisher'],
  [
    'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\',
    'powershell.exe',
    '-NoProfile -File C:\\job.ps1',
    'Microsoft Windows',
  ],
  ['C:\\Users\\Ana María\\Downloads\\', 'счёт 2026.exe', '/quiet', ''],
  ['C:\\tools\\', 'backup.exe', '--target "D:\\資料"', 'Backup "R" Us, Ltd.'],
];
const FILES = ['invoice.pdf.exe', 'réponse.docm', '請求書.xlsm', 'a b c.tmp'];

/** `E0E0…` as Apex Central writes a GUID. */
export function guidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`.toUpperCase();
}

/** 64 bits with a sign, as text. */
function wideId(seed: number, name: string): string {
  const high = BigInt(mix(seed, saltOf(name) | 0, 901));
  const low = BigInt(mix(seed, saltOf(name) | 0, 902));
  return BigInt.asIntN(64, (high << 32n) | low).toString();
}

/** A hash with the blank that stays where the vendor's display has wrapped a long value. */
function wrapped(hash: string): string {
  return hash.length > 32
    ? `${hash.slice(0, 22)} ${hash.slice(22, 44)} ${hash.slice(44)}`.trim()
    : `${hash.slice(0, 23)} ${hash.slice(23)}`;
}

export function serverGuid(seed: number, index: number): string {
  return guidOf(hex128(drawsFor(seed, index % SERVERS, saltOf('apex server')).next));
}

/** The numbers of endpoints in investigations, in turn. */
const AGENTS = [1, 3, 1, 2] as const;

export function makeSummaries(facts: Facts, count: number, endTime: number): Summary[] {
  const { seed, devices } = facts;
  let chain = 0;
  return Array.from({ length: count }, (_, index) => {
    const draws = drawsFor(seed, index, saltOf('apex summary'));
    const agents = AGENTS[index % AGENTS.length] ?? 1;
    const chains = Array.from({ length: agents }, () => chain++);
    const startTime = Math.floor(endTime / 1000) - 3600 * (count - index) - 600;
    return {
      scanSummaryGuid: uuid(draws.next),
      serverGuid: serverGuid(seed, index),
      name: draws.pick(['Investigation', 'Поиск по хэшу', '調査', 'Sweep "Q3", all sites']),
      startTime,
      finishTime: startTime + 60 + draws.below(500),
      chains,
      // The other products know every second endpoint, too.
      agentGuids: chains.map((one) =>
        guidOf(one % 2 === 0 ? (devices[(one * 7) % devices.length]?.opticsId ?? '') : hex128(draws.next)),
      ),
    };
  });
}

export function makeChain(facts: Facts, summary: Summary, nth: number): Chain {
  const { seed, plantSecrets } = facts;
  const index = summary.chains[nth] ?? 0;
  const draws = drawsFor(seed, index, saltOf('apex chain'));
  const secrets = secretsFor(seed, SECRETS_FROM + index, plantSecrets);
  const count = 4 + draws.below(6);
  const group = { groupNo: 1 + draws.below(3), timestamp: summary.startTime - 66 };
  const first = 41_000 + draws.below(500);
  const nodes = Array.from({ length: count }, (_, at): Node => {
    const objectId = String(first + at);
    const parentId = at === 0 ? String(first - 117) : String(first + draws.below(Math.min(at, 3)));
    const timestamp = summary.startTime + at;
    const isFile = at > 2 && draws.chance(0.3);
    const events = [eventOf(`${index}/${at}/0`, { seed, at, timestamp, isFile, symbol: true, draws, secrets })];
    if (draws.chance(0.25)) {
      const second = { seed, at: at + 50, timestamp: timestamp + 1, isFile, symbol: false, draws, secrets };
      events.push(eventOf(`${index}/${at}/1`, second));
    }
    return { objectId, parentId, operationType: isFile ? 12 : 1, timestamp, groupNo: group.groupNo, events };
  });
  return {
    ...{ index, nodes, group },
    serverGuid: summary.serverGuid,
    serverName: 'SAMPLE_SERVER',
    agentGuid: summary.agentGuids[nth] ?? '',
    scanSummaryGuid: summary.scanSummaryGuid,
    malformed:
      index % 11 === 7 ? `{"footprint":[{"objectId":"${first}" "parentId":"0"}],"note":"${index}"}` : undefined,
  };
}

interface EventPlan {
  seed: number;
  at: number;
  timestamp: number;
  isFile: boolean;
  symbol: boolean;
  draws: Draws;
  secrets: Secrets;
}

function eventOf(name: string, { seed, at, timestamp, isFile, symbol, draws, secrets }: EventPlan): ChainEvent {
  const [directory, program, argument, signer] = draws.pick(PROGRAMS);
  const pid = String(1000 + draws.below(60_000));
  const objectName = isFile ? draws.pick(FILES) : program;
  const hex = hex128(draws.next) + hex128(draws.next);
  const values: [type: number, value: string][] = [
    [101, wrapped(hex.slice(0, 40).toUpperCase())],
    [102, wrapped(hex.slice(0, 32).toUpperCase())],
    [104, directory],
    [105, objectName],
    [118, wrapped(hex.toUpperCase())],
    [300, 'SYSTEM'],
    [302, 'NT AUTHORITY'],
  ];
  if (signer !== '') values.push([107, signer]);
  if (!isFile) {
    values.push([108, draws.chance(0.1) ? '-1' : pid]);
    values.push([109, secrets.commandLine(`"${directory}${program}" ${argument}`.trim())]);
  }
  if (draws.chance(0.2)) values.push([110, String(draws.below(100_000))]);
  const metas = values.map(([type, value]) => ({
    type,
    id: type === 108 ? value : wideId(seed, `${type} ${value}`),
    value,
  }));
  metas.sort((one, other) => one.type - other.type);
  return {
    eventId: String(at + 2),
    metaLinkId: wideId(seed, `link ${name}`),
    facts: {
      objectType: isFile ? 1 : 2,
      operationType: isFile ? 12 : 1,
      objectName,
      timestamp,
      riskLevel: draws.below(4),
      rating: { score: draws.below(4), metaType: 101, hasInvalidSigner: signer === '' },
      isSymbolEvent: symbol,
      assessmentValue: draws.chance(0.2) ? '-1' : hex.slice(0, 40).toUpperCase(),
      assessmentType: 5,
      nodeImage: 2,
    },
    metas,
  };
}
