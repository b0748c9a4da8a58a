/** For resources whose details lack what their list says: rules and exceptions (who changed them, and when), rule sets (their policies). */
import {
  foldedName,
  keyOf,
  meaningsIn,
  memberOf,
  SluiceError,
  type StreamContext,
  type Table,
  walkSnapshot,
} from '../../../src/index.ts';
import { type RecordAddress, recordAt, textOf } from './pages.ts';
import type { List } from './snapshot.ts';

interface Listed extends RecordAddress {
  list: List;
  members: Table;
  /** The vendor only takes it from the list ("soft delete"): then one whose detail still answers can be gone. */
  deletesSoftly: boolean;
}

/**
 * The list record of a key, where the engine has only the key: a refresh, or a record that the list no longer had. Asked
 * for after the detail was answered. What a list with others in it does not have counts as gone (`skip`) where the vendor
 * deletes softly. An empty list beside a detail that answers is no sign of a deletion, but of trouble.
 */
async function findListed(
  context: StreamContext,
  { list, key, deletesSoftly }: Listed,
  wanted: string,
): Promise<unknown> {
  const walk = { id: 'find-listed', kind: 'refresh', range: { fromMs: 0, toMs: 0 } } as const;
  let settled = false;
  let others = 0;
  for await (const page of walkSnapshot(context, { lists: [list(context)], key, findsDeleted: false }, walk)) {
    const found = page.records.find((record) => keyOf({ key }, record) === wanted);
    if (found !== undefined) return found;
    others += page.records.length;
    settled = page.accepted?.settled ?? settled;
  }
  if (settled && others > 0 && deletesSoftly) {
    throw new SluiceError(`${wanted} is not in the list any more`, { action: 'skip' });
  }
  throw new SluiceError(`${wanted} can be read, and is not in the list`, { action: 'retry' });
}

/**
 * The `detail` of a stream: detail and list record as one. A list record of another version was made by somebody else, so
 * the list is looked at once more; where it still lags behind, the detail is the record for now, and the list's next state
 * a revision of it.
 */
export function withListed(
  from: Listed,
): (context: StreamContext, wanted: string, listed?: unknown) => Promise<Record<string, unknown>> {
  return async (context, wanted, listed) => {
    const detail = await recordAt(context, wanted, from);
    const isFirst = listed !== undefined && mayBelong(from, listed, detail);
    const found = isFirst ? listed : await findListed(context, from, wanted);
    return isFirst || mayBelong(from, found, detail)
      ? joined(from, detail, found)
      : (detail as Record<string, unknown>);
  };
}

function mayBelong({ members }: Listed, listed: unknown, detail: unknown): boolean {
  const [one, other] = [listed, detail].map((record) => textOf(memberOf(members, record, 'Version')));
  return one === undefined || other === undefined || one === other;
}

/** What both say is taken from the detail, which was read later, however each of them calls it. */
function joined({ members }: Listed, detail: unknown, listed: unknown): Record<string, unknown> {
  const meaning = meaningsIn(members);
  const called = (name: string) => meaning(name)?.name ?? foldedName(name);
  const said = new Set(Object.keys(detail as object).map(called));
  const more = Object.entries(listed as object).filter(([name]) => !said.has(called(name)));
  return { ...Object.fromEntries(more), ...(detail as Record<string, unknown>) };
}
