/** Threats: CylancePROTECT's user API, "Get Threats"; only its devices are in our documents ("Get threat devices"). */
import { members } from '../../members/cylance/threat.ts';
import { memberOf, parseTimeMs, type Stream } from '../../src/index.ts';
import { textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

export const THREATS = '/threats/v2';
export const THREAT_LIST_SCOPE = 'threat:list';

const writtenHash = idOf(members, 'sha256', 'threat');
export const threatsOf = listAt({ path: THREATS, scope: THREAT_LIST_SCOPE });

export const threat: Stream = {
  name: 'cylance.threat',
  about: {
    title: 'CylancePROTECT threats',
    endpoints: [`GET ${THREATS}`],
    scopes: [THREAT_LIST_SCOPE],
    reading: 'snapshot: whether `start_time` means the time of the last sighting is not documented',
    key: 'the SHA-256 of the file',
    limits: [
      "read whole at each look; what else the vendor's page of one threat tells (certificate, detecting module) is not read",
      'a list that shows one key with different contents on different pages ships them in turns',
    ],
  },
  mode: 'snapshot',
  // Each new finding changes this time, and is a document of `cylance.threat_device`; the threat itself has not changed.
  ignored: ['last_found', 'LastFound'],
  secrets: [],
  key: threatKey,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'last_found')),
  isOpen: () => false,
  changes: [
    { action: 'threat-quarantine-changed', of: (record) => flag(record, 'global_quarantined') },
    { action: 'threat-safelist-changed', of: (record) => flag(record, 'safelisted') },
    { action: 'threat-classification-changed', of: classOf },
    { action: 'threat-score-changed', of: (record) => textOf(memberOf(members, record, 'cylance_score')) },
  ],
  actions: { updated: 'threat-updated', deleted: 'threat-deleted' },
  pages: snapshotOf(threatKey, threatsOf),
  tombstone: (sha256) => ({ sha256, Deleted: true }),
};

export function threatKey(record: unknown): string {
  return writtenHash(record).toLowerCase();
}

function flag(record: unknown, name: 'global_quarantined' | 'safelisted'): string {
  return String(memberOf(members, record, name) ?? '').toLowerCase();
}

function classOf(record: unknown): string {
  return (['classification', 'sub_classification'] as const)
    .map((name) => textOf(memberOf(members, record, name)) ?? '')
    .join('/');
}
