/** The devices that a threat was found on: CylancePROTECT's user API, "Get threat devices". */

import { members, Threat } from '../../members/cylance/threat-device.ts';
import {
  type Child,
  exactDigestOf,
  type Json,
  listedParents,
  memberOf,
  type Parents,
  parseTimeMs,
  pathTo,
  readLists,
  type Stream,
  type StreamContext,
  walkChildren,
} from '../../src/index.ts';
import { SHA256_NOTE } from './shared/hashes.ts';
import { protectId } from './shared/ids.ts';
import { listPage, textOf } from './shared/pages.ts';
import { THREAT_LIST_SCOPE, THREATS, threatKey, threatsOf } from './threat.ts';

const ROUTE = `${THREATS}/{sha256}/devices`;
const SCOPE = 'threat:devicelist';
/** Members of the threat that each row gets, so that it is complete. */
const OF_THREAT = ['name', 'md5', 'classification', 'sub_classification', 'cylance_score', 'safelisted'] as const;

export const threatDevice: Stream = {
  name: 'cylance.threat_device',
  about: {
    title: 'Devices of CylancePROTECT threats',
    endpoints: [`GET ${THREATS}`, `GET ${ROUTE}`],
    scopes: [THREAT_LIST_SCOPE, SCOPE],
    reading:
      'per threat, of the list, of the configuration and of detections; again when it is sighted, and at an interval',
    key: 'the SHA-256 of the file, the id of the device, and the path as it is written',
    limits: [
      'asked for when the list shows the threat sighted or judged anew, and every `reading.child_repeat`: until then a new `file_status` is not seen',
      'hashes in detections are looked up as threats once each, behind everything else, and only those of detections that were delivered while this stream was read',
    ],
  },
  mode: 'children',
  /**
   * A row tells that a file was found on a device, and what became of the file. The present condition of the device
   * (`cylance.device`) and the name of the threat (`cylance.threat`) are ignored: otherwise a laptop that moves to another
   * network would make a new document for every file ever found on it.
   */
  ignored: [
    ...['Threat', 'name', 'device_name', 'DeviceName', 'state', 'State', 'agent_version', 'AgentVersion', 'policy_id'],
    ...['PolicyId', 'ip_addresses', 'IpAddresses', 'mac_addresses', 'MacAddresses'],
  ],
  secrets: [],
  key: (record) => `${threatKey(memberOf(members, record, 'Threat'))}|${rowKey(record)}`,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'date_found')),
  isOpen: () => false,
  changes: [
    {
      action: 'threat-device-status-changed',
      of: (record) => textOf(memberOf(members, record, 'file_status'))?.toLowerCase(),
    },
    { action: 'threat-device-found-again', of: (record) => textOf(memberOf(members, record, 'date_found')) },
  ],
  actions: { updated: 'threat-device-updated' },
  parentNotes: SHA256_NOTE,
  pages: (context, walk) => walkChildren(context, walk, { name: 'threat', parents, read, repeats: true }),
};

function rowKey(record: unknown): string {
  const device = textOf(memberOf(members, record, 'id'));
  if (device === undefined) throw new Error('the row has no device');
  return `${protectId(device)}|${textOf(memberOf(members, record, 'file_path')) ?? ''}`; // a list may have a row for each of two casings
}

function parents(context: StreamContext): Promise<Parents> {
  return listedParents(context, { lists: [threatsOf(context)], key: threatKey }, toChild);
}

/** Any change of the threat makes a new version: it was found again, or put on a list that changes what becomes of the file. */
function toChild(sha256: string, found: unknown): Child {
  const facts: Record<string, Json> = {};
  for (const name of OF_THREAT) {
    const value = memberOf(Threat, found, name);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') facts[name] = value;
  }
  return { key: sha256, version: exactDigestOf(found), complete: true, expectsRecords: false, facts };
}

/** Yields every pass over the list, so that no row, and no state of a row, is lost from a list that changes meanwhile. */
async function* read(context: StreamContext, child: Child): AsyncGenerator<unknown[], boolean> {
  const sha256 = child.key.toLowerCase();
  const path = pathTo(ROUTE, sha256);
  // The vendor may not know a hash of the configuration or of a detection.
  const address = { path, route: ROUTE, scope: SCOPE, retry: 'brief', isOne: true } as const;
  const pages = readLists(context, {
    lists: [(query) => listPage(context, query, address)],
    key: rowKey,
  });
  for (;;) {
    const { done, value } = await pages.next();
    if (!done) yield value.records.map((row) => toRecord(row, sha256, child.facts));
    else return value.settled;
  }
}

/** A row with its threat. */
export function toRecord(row: unknown, sha256: string, facts: Child['facts']): unknown {
  const isRow = typeof row === 'object' && row !== null && !Array.isArray(row);
  return { ...(isRow ? row : { row }), Threat: { sha256, ...facts } };
}
