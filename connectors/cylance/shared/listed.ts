/** Joins details with list records, which have members that the details lack: rules and exceptions (who changed them, and when), rule sets (their policies). */
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
  /** The vendor only takes a deleted record from the list ("soft delete"): its detail may still answer. */
  deletesSoftly: boolean;
}

/**
 * The list record of a key, when the engine has only the key: for a refresh, or for a record that the list no longer had.
 * Requested after the detail has answered. If the vendor deletes softly, a record that is missing from a list with others
 * counts as deleted (`skip`). An empty list beside a detail that answers is an error, not a deletion.
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
 * The `detail` of a stream: detail and list record joined. If the two have different versions, the list is read once more;
 * if it still lags behind, the detail is the record for now, and the list's next state becomes a revision of it.
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

/** Members of both are taken from the detail, which was read later, whatever their spelling. */
function joined({ members }: Listed, detail: unknown, listed: unknown): Record<string, unknown> {
  const meaning = meaningsIn(members);
  const called = (name: string) => meaning(name)?.name ?? foldedName(name);
  const said = new Set(Object.keys(detail as object).map(called));
  const more = Object.entries(listed as object).filter(([name]) => !said.has(called(name)));
  return { ...Object.fromEntries(more), ...(detail as Record<string, unknown>) };
}
