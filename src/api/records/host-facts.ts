/**
 * Completes the `host` fields of alerts, which only name a device, from the inventory of devices.
 *
 * A stream with `describesHosts` leaves a note for each host, committed with its document. A document of another stream with
 * the same `host.id` gets its missing fields from that note, which is looked up in the local state: this costs no request,
 * and only the first run waits for the inventory (`src/engine/change/host-gate.ts`). A host that the inventory has not delivered
 * yet stays as it is. Key, revision and id of a document do not depend on its note.
 */
import type { EcsDocument } from '../document.ts';
import type { Note } from '../walk.ts';

/** Members of `host` that are taken from the inventory. The name always stays as in the record itself. */
const MEMBERS = ['hostname', 'ip', 'mac', 'os'] as const;
/** The kind of the notes about hosts. */
export const HOST_NOTE = 'host';
/** Notes are usually as long as a line of text; the note of a host with endless lists of addresses stays empty. */
const MAX_NOTE_LENGTH = 8192;
/** Tags a document part of whose `host` comes from the inventory, as it was when the document was made. */
const TAG = 'host_from_inventory';

/** Fields that a document may get from the inventory, beside those of its mapping. */
export const HOST_FIELDS = [
  'host.hostname',
  'host.ip',
  'host.mac',
  'host.os.full',
  'host.os.kernel',
  'host.os.name',
  'host.os.type',
  'host.os.version',
] as const;

type Members = Record<string, unknown>;

/** The note that a document of the inventory leaves about its host. */
export function hostNote({ host }: EcsDocument): Note | undefined {
  const { id, ...rest } = (host ?? {}) as Members;
  if (typeof id !== 'string') return undefined;
  const kept = MEMBERS.flatMap((member) => (rest[member] === undefined ? [] : [[member, rest[member]]]));
  const value = JSON.stringify(Object.fromEntries(kept));
  return { kind: HOST_NOTE, id, value: value.length > MAX_NOTE_LENGTH ? '{}' : value };
}

/** Adds the missing fields of the document's host. `note` looks up a note by its kind and id. */
export function completeHost(document: EcsDocument, note: (kind: string, id: string) => string | undefined): void {
  const host = document.host as Members | undefined;
  if (typeof host?.id !== 'string') return;
  const text = note(HOST_NOTE, host.id);
  if (text === undefined) return;
  const known = JSON.parse(text) as Members;
  const before = Object.keys(host).length;
  for (const member of MEMBERS)
    if (host[member] === undefined && known[member] !== undefined) host[member] = known[member];
  const isMore = Object.keys(host).length > before;
  if (!completeSystem(host.os as Members | undefined, known.os as Members | undefined) && !isMore) return;
  document.tags = [...(Array.isArray(document.tags) ? document.tags : []), TAG];
}

/** What a record says of the system is often its kind alone. Where that is another one, the device was set up anew since. */
function completeSystem(system: Members | undefined, known: Members | undefined): boolean {
  if (system === undefined || known === undefined || system.type !== known.type) return false;
  const missing = Object.keys(known).filter((member) => system[member] === undefined);
  for (const member of missing) system[member] = known[member];
  return missing.length > 0;
}
