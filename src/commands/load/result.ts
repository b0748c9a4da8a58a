/** What `sluice load` has done, for people and for programs. */

import { type LoadStatistics, totalOf } from '../../load/statistics.ts';
import { plural, showCount } from '../../observe/show.ts';
import type { Cli } from '../shared/context.ts';
import { table } from '../shared/table.ts';

interface Loaded {
  group: string;
  statistics: LoadStatistics;
  seconds: number;
}

export function printLoaded(cli: Cli, { group, statistics, seconds }: Loaded, { json }: { json?: boolean }): void {
  const topics = [...statistics.topics].map(([topic, counts]) => ({ topic, ...counts }));
  if (json) return void cli.stdout.json({ group, seconds, topics });
  const head = ['topic', 'records', 'delivered', 'there already', 'refused', 'not of Sluice'];
  const rows = topics.map(({ topic, records, delivered, there, refused, strangers }) => [
    topic,
    ...[records, delivered, there, refused, strangers].map(showCount),
  ]);
  cli.stdout.lines(table([head, ...rows]));
  const { refused, strangers, removed } = totalOf(statistics);
  if (refused + strangers > 0)
    cli.stdout.line(
      `${plural(refused + strangers, 'record')} kept aside in the topics that end in .rejected: docs/load.md`,
    );
  if (removed > 0)
    cli.stdout.line(`${plural(removed, 'record')} removed by the retention of the topics before they were loaded`);
}
