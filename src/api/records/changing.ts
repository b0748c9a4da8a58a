/** Which streams have records that change. */
import type { Stream } from '../stream.ts';

/** Whether a record has later revisions, or may be deleted: then its newest document tells its state. */
export function recordsChange({ changes, actions }: Pick<Stream, 'changes' | 'actions'>): boolean {
  return changes.length > 0 || actions.deleted !== undefined;
}
