/** docs/torture.md, as a torture writes it. */
import { PLACES, sumOf } from './faults.ts';
import { LEAST_FAULTS, LEAST_REVISIONS } from './plan.ts';
import type { Outcome } from './run.ts';

export function page(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0);
  const revisions = outcomes.reduce((sum, one) => sum + one.revisions, 0);
  const hours = outcomes.reduce((sum, { ms }) => sum + ms, 0) / 3_600_000;
  const seeds = outcomes.map(({ seed }) => seed);
  return `# Torture

This page is written by \`npm run test:torture -- --write\`. A run makes a tenant that lives (records arrive, late ones too, change, come back and are deleted while they are read), and Sluice reads it while faults happen everywhere at once: ${PLACES.join(', ')}. When all of them have happened and the tenant has come to rest, the documents in the sink are compared with what the simulator knows to be right, by id, and so by key, ordinal and revision; the state must know the same number of revisions, have nothing left that is prepared, owed, rejected or a gap, and its ledger must add up, have as many records of each settled window as the vendor counts, and cover all of the tenant's time. What the sink itself says that it holds has to be the same once more, and \`sluice verify --details\` must find nothing.

- ${outcomes.length} runs, seeds ${Math.min(...seeds)} to ${Math.max(...seeds)}, ${hours.toFixed(1)} hours if they came one after the other; a run repeats with \`--seed N --runs 1 --sink …\`, as far as a machine repeats itself.
- ${revisions.toLocaleString('en')} revisions were right, at least ${LEAST_REVISIONS.toLocaleString('en')} in each run. At least ${LEAST_FAULTS} faults, and one of each place, have to be met in a run, or it counts as failed.
- Failed: ${failed.length}.

${table(['sink', 'runs', 'exact', 'revisions', 'faults (fewest in a run)', 'lives', 'seconds: median', 'longest'], bySink(outcomes))}

\`memory\` is an Elasticsearch in memory behind the real sink (ids are unique in a backing index only, indices roll over, requests go on without their connection); \`files\` is the real thing, and so are \`elasticsearch\` 9.5.3 and \`kafka\` 4.4.0, each behind a proxy that swallows, delays and cuts. All pass the contract of a sink. To kill means here: from that moment on nothing reaches the state, what is under way may still reach the sink, and the next life opens what is there.

## Faults

${table(['where', 'what', 'times'], byKind(outcomes))}

## Runs that failed

${failed.length === 0 ? 'None.' : failed.map(({ seed, sink, wrong }) => `- seed ${seed}, ${sink}: ${wrong.map(firstLine).join('; ')}`).join('\n')}
`;
}

/** Of an error: without where in the files of some machine it was thrown. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function bySink(outcomes: readonly Outcome[]): (string | number)[][] {
  return [...new Set(outcomes.map(({ sink }) => sink))].map((sink) => {
    const own = outcomes.filter((one) => one.sink === sink);
    const sum = (of: (one: Outcome) => number) => own.reduce((total, one) => total + of(one), 0);
    const times = own.map(({ ms }) => ms).sort((one, other) => one - other);
    const seconds = (ms = 0) => (ms / 1000).toFixed(1);
    const fewest = Math.min(...own.map(({ faults }) => sumOf(faults)));
    const exact = own.filter(({ wrong }) => wrong.length === 0).length;
    const faults = `${sum((one) => sumOf(one.faults))} (${fewest})`;
    const many = [sum(({ revisions }) => revisions), faults, sum(({ lives }) => lives)];
    return [sink, own.length, exact, ...many, seconds(times[times.length >> 1]), seconds(times.at(-1))];
  });
}

function byKind(outcomes: readonly Outcome[]): (string | number)[][] {
  return PLACES.flatMap((place) => {
    const kinds = new Map<string, number>();
    for (const { faults } of outcomes)
      for (const [kind, times] of Object.entries(faults[place] ?? {})) kinds.set(kind, (kinds.get(kind) ?? 0) + times);
    return [...kinds].sort(([one], [other]) => one.localeCompare(other)).map(([kind, times]) => [place, kind, times]);
  });
}

function table(head: string[], rows: (string | number)[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
