/** The row of a state that is shared with other instances: whether its topic is there, and what it has to be. */
import { plural } from '../../observe/show.ts';
import type { CommandContext } from '../shared/command-context.ts';
import { attempt, type CheckRow } from './row.ts';

export async function sharedStateRows({
  config,
  log,
}: CommandContext): Promise<{ rows: CheckRow[]; isInUse: boolean }> {
  const { coordination } = config;
  if (coordination === undefined) return { rows: [], isInUse: false };
  const { kafka, topic, partitions, group } = coordination;
  const row = await attempt('state', 'shared', undefined, async () => {
    const { requireStateTopic } = await import('../../coordination/state/topic.ts');
    const { replication } = await requireStateTopic(kafka, { topic, partitions, log });
    return `${topic}: ${plural(partitions, 'partition')}, replication ${replication}; the group is ${group}`;
  });
  return { rows: [row], isInUse: false };
}
