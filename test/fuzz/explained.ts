/** Which records of the truth a damage explains, so that all others have to arrive. */

import { recordsOf } from '../../connectors/apex-central/footprint/events.ts';
import { readTaskReply } from '../../connectors/apex-central/shared/envelope.ts';
import { member } from '../../connectors/apex-central/shared/json.ts';
import { toRecords as lockdowns } from '../../connectors/cylance/device-lockdown.ts';
import { toRecords as viewed } from '../../connectors/cylance/focus-view-result.ts';
import { toRecord as found } from '../../connectors/cylance/instaquery-result.ts';
import { opticsId } from '../../connectors/cylance/shared/ids.ts';
import { toRecord as row } from '../../connectors/cylance/threat-device.ts';
import { streams } from '../../connectors/index.ts';
import type { TruthStream } from '../../simulator/index.ts';
import { asRead } from '../engine/harness.ts';
import type { Damage, Item } from './saboteur.ts';

/** Of a stream of children: the records of one entry of a child's reply, and whose child a record is of. */
interface OfChildren {
  records(entry: unknown, one: string, trail: readonly Item[]): unknown[];
  /** From the wide to the narrow. */
  owners(record: Fields): string[];
}

type Fields = Record<string, Record<string, string> & string>;

const CHILDREN: Readonly<Record<string, OfChildren>> = {
  'cylance.threat_device': {
    records: (entry, sha256) => [row(entry, sha256.toLowerCase(), {})],
    owners: ({ Threat }) => [Threat?.sha256 ?? ''],
  },
  'cylance.instaquery_result': {
    records: (entry, key) => [found(entry, { key, facts: {} })],
    owners: ({ Query }) => [Query?.id ?? ''],
  },
  'cylance.focus_view_result': {
    records: (entry, key) => viewed([entry], { key, facts: {} }),
    owners: ({ FocusView }) => [FocusView?.id ?? ''],
  },
  'cylance.device_lockdown': {
    records: (entry, id) => lockdowns({ id, lockdown_history: [entry] }, opticsId(id), ''),
    owners: ({ Device }) => [Device?.id ?? ''],
  },
  'apex_central.footprint': {
    records: (_entry, one, trail) => footprints(one, trail),
    owners: ({ scanSummaryGuid, agentGuid }) => [`${scanSummaryGuid}`, `${scanSummaryGuid}/${agentGuid}`],
  },
};

/** What of a task's reply was damaged: an entry of its content, a node, or one event of it. Facts are in no key. */
function footprints(one: string, trail: readonly Item[]): unknown[] {
  const [scanSummaryGuid = '', agentGuid = ''] = one.split('/');
  const { list, content } = trail.at(-1) as Item;
  const node = trail.find((item) => item.list === 'footprint')?.content as object;
  const entryOf = (footprint: object) => ({ content: { footprint: [footprint] } });
  const entries: Record<string, () => unknown> = {
    content: () => content,
    footprint: () => entryOf(node),
    event: () => entryOf({ ...node, event: [content] }),
  };
  const entry = entries[list]?.();
  if (entry === undefined) return [];
  const result = readTaskReply({ Data: { Data: { content: [entry] } } }, '');
  return recordsOf(result, { serverGuid: '', agentGuid, scanSummaryGuid });
}

/** Of an entry in a list of parents. */
function parentId(content: unknown): string {
  const { sha256, id, Id, scanSummaryGuid } = content as Record<string, unknown>;
  return String(sha256 ?? id ?? Id ?? scanSummaryGuid);
}

/** The products write one id with and without dashes, in upper and in lower case. */
const bare = (id: string): string => id.replaceAll('-', '').toLowerCase();

/** An entry of the list of an investigation's endpoints, or one that says that a task is still running: nothing is left without. */
function isOnlyEntry({ list, content }: Item): boolean {
  if (list !== 'content') return false;
  const [entry] = readTaskReply({ Data: { Data: { content: [content] } } }, '').content;
  return entry === undefined || (entry.kind === 'content' && member(entry.content, 'scanEntity') !== undefined);
}

/** Says of a record of the truth whether some damage explains that it is missing. */
export function explained(stream: TruthStream, damages: Iterable<Damage>): (record: unknown, key: string) => boolean {
  const ofChildren = CHILDREN[stream];
  const keyOfRecord = streams.find((one) => one.stream.name === stream)?.stream.key as (record: unknown) => string;
  const keys = new Set<string>();
  const owners = new Set<string>();
  for (const { asked, trail } of damages) {
    const item = trail.at(-1);
    if (item === undefined || isOnlyEntry(item)) owners.add(bare(asked.one as string));
    else if (item.list === 'scanentity') owners.add(bare(`${asked.one}/${(item.content as Endpoint).agentGuid}`));
    else if (asked.one !== undefined)
      for (const record of ofChildren?.records(item.content, asked.one, trail) ?? []) keys.add(keyOfRecord(record));
    else if (ofChildren !== undefined) owners.add(bare(parentId(item.content)));
    else keys.add(keyOfRecord(asRead(stream, item.content)));
  }
  return (record, key) => {
    const own = ofChildren?.owners(record as Fields) ?? [key];
    return keys.has(key) || own.some((id) => owners.has(bare(id)));
  };
}

interface Endpoint {
  agentGuid: string;
}
