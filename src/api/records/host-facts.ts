/**
 * One device, several streams: what the inventory says of a host completes the alerts that only name it.
 *
 * A stream that `describesHosts` leaves a note for each host, committed with its document. A document of another stream
 * with the same `host.id` gets what it lacks from there, looked up in the state of this machine: nothing is requested, and
 * nothing waits. A host that the inventory has not delivered yet is left as it is. Neither key, revision nor id of a
 * document depend on it.
 */
import type { EcsDocument } from '../document.ts';
import type { Note } from '../walk.ts';

/** What is taken from the inventory: never the name, which is what the vendor said in the record itself. */
const MEMBERS = ['ip', 'mac', 'os'] as const;
const KIND = 'host';
/** A note is about as long as a line of text; of a host with endless lists of addresses it says nothing. */
const MAX_NOTE_LENGTH = 8192;
/** Says that a part of `host` comes from the inventory, as it was when the document was made. */
const TAG = 'host_from_inventory';

/** Fields that a document may get from here, beside those of its mapping. */
export const HOST_FIELDS = [
  'host.ip',
  'host.mac',
  'host.os.full',
  'host.os.kernel',
  'host.os.name',
  'host.os.type',
  'host.os.version',
] as const;

type Members = Record<string, unknown>;

/** What a document of the inventory says of its host. */
export function hostNote({ host }: EcsDocument): Note | undefined {
  const { id, ...rest } = (host ?? {}) as Members;
  if (typeof id !== 'string') return undefined;
  const kept = MEMBERS.flatMap((member) => (rest[member] === undefined ? [] : [[member, rest[member]]]));
  const value = JSON.stringify(Object.fromEntries(kept));
  return { kind: KIND, id, value: value.length > MAX_NOTE_LENGTH ? '{}' : value };
}

/** Adds what the document's host lacks. `note` looks up a note by its kind and id. */
export function completeHost(document: EcsDocument, note: (kind: string, id: string) => string | undefined): void {
  const host = document.host as Members | undefined;
  if (typeof host?.id !== 'string') return;
  const text = note(KIND, host.id);
  if (text === undefined) return;
  const known = JSON.parse(text) as Members;
  const missing = MEMBERS.filter((member) => host[member] === undefined && known[member] !== undefined);
  if (missing.length === 0) return;
  for (const member of missing) host[member] = known[member];
  document.tags = [...(Array.isArray(document.tags) ? document.tags : []), TAG];
}
