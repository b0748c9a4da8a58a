/** What a change is called: by the first part of a record that says something else than when it was shipped last. */
import { digestOf, isDigestOf } from '../../api/records/identity.ts';
import type { Stream } from '../../api/stream.ts';
import type { Known } from '../../state/store.ts';
import type { Pipeline } from '../pipeline.ts';

type ActionNeeds = Pick<Pipeline, 'registered' | 'ignored'>;

/** Of a part that only the detail tells, before the first detail: whatever it says then is no change. */
const UNSAID = '?';

/** One per entry of `changes`: what a later revision is named after. Without closures, since every record passes here. */
export function partsOf(stream: Stream, record: unknown): unknown[] {
  return stream.changes.map((change) => {
    try {
      return change.of(record);
    } catch {
      return undefined;
    }
  });
}

/** The digests of a record of which no part is known. */
export function unsaid({ changes }: Stream): string {
  return changes.map(() => UNSAID).join('\n');
}

export function isSaid(part: unknown, ignored: ReadonlySet<string>): boolean {
  return digestOfAny(part, ignored) !== '';
}

function digestOfAny(part: unknown, ignored: ReadonlySet<string>): string {
  try {
    return digestOf(part, ignored);
  } catch {
    return '';
  }
}

/** A list record in place of the detail says nothing of some parts: they are as they were `before`. */
export function digestsOf({ ignored }: ActionNeeds, parts: readonly unknown[], before: string | undefined): string {
  const earlier = before === undefined || before === '' ? [] : before.split('\n');
  let digests = '';
  for (let index = 0; index < parts.length; index++) {
    let digest = digestOfAny(parts[index], ignored);
    if (digest === '' && before !== undefined) digest = earlier[index] ?? UNSAID;
    digests += index === 0 ? digest : `\n${digest}`;
  }
  return digests;
}

/** The first part that says something else than when it was shipped last. A missing detail changes no part. */
export function actionFor(
  pipeline: ActionNeeds,
  known: Known | undefined,
  parts: readonly unknown[],
  detailMissing: boolean,
): string | undefined {
  if (known === undefined) return undefined;
  const { registered, ignored } = pipeline;
  const { changes, actions } = registered.stream;
  const before = known.digests.split('\n');
  const differs = (index: number): boolean => {
    if (before[index] === undefined || before[index] === UNSAID) return false;
    if (detailMissing && !isSaid(parts[index], ignored)) return false;
    return !isDigestOf(before[index], parts[index], ignored);
  };
  return changes.find((_, index) => differs(index))?.action ?? actions.updated;
}
