/** The page docs/benchmarks.md. */
import {
  cpuOf,
  type Figure,
  isMet,
  memoryOf,
  type Results,
  rateOf,
  type Section,
  spreadOf,
  type Variant,
} from './results.ts';

const HEAD = [
  '# Benchmarks',
  '',
  'Written by `npm run bench`. Variants take turns, round by round, each in a process of its own; a cell is minimum / median / maximum over the rounds. Vendor, reader and sink share the machine, so trust the ratios, which compare runs of the same round, before anything that a clock says; CPU is user and system time of all threads of the process.',
  '',
  'A floor is the least that any program has to do for the same result: download, parse, write; no retries, no state, no checks ([decision 0098](decisions/0098-what-a-floor-does.md)). The vendor is a page server that copies records (`bench/vendor/pages.ts`), so that it costs little of the cores that it shares.',
];

/** How it is run; the same words on every page. */
const RUN = [
  '## How to repeat it',
  '',
  '```sh',
  'npm run bench                          # all that needs Node alone; with --all also real Elasticsearch and Kafka (JDK 21+, Maven)',
  'npm run bench -- --only lists,details  # some sections; --list names them',
  'npm run bench -- --quick               # a tenth of the records, two rounds: to see that all of it runs',
  'npm run bench:nightly                  # the same, compared with the last release: exit code 1 where a ratio got worse',
  'node bench/peers/run.ts                # beside Redpanda Connect, where Go is',
  '```',
  '',
  'Figures are kept in `bench/results/latest.json`; a section that did not run keeps those that it had, with the day they are of. What counts as worse: [decision 0099](decisions/0099-what-counts-as-a-regression.md).',
];

export interface Shown {
  results: Results;
  /** Pictures by section. */
  pictures: ReadonlyMap<string, string>;
}

export function pageOf({ results, pictures }: Shown): string {
  const { date, machine, sections } = results;
  const goals = sections.flatMap((section) => section.figures.flatMap((figure) => toGoal(section, figure)));
  const lines = [
    ...HEAD,
    '',
    `${date}; ${machine}.`,
    '',
    ...RUN,
    ...(goals.length === 0
      ? []
      : ['', '## Goals', '', 'By the median.', '', '| figure | goal | measured | |', '|---|---|---|---|', ...goals]),
    ...sections.flatMap((section) => toLines(section, pictures.get(section.id))),
  ];
  return `${lines.join('\n')}\n`;
}

function toGoal({ title }: Section, figure: Figure): string[] {
  const { says, goal, better, digits, unit = '', moot } = figure;
  if (goal === undefined) return [];
  const met = isMet(figure);
  const verdict = met === undefined ? `says nothing: ${moot ?? 'not measured'}` : met ? 'met' : '**missed**';
  const words = `${better === 'less' ? 'at most' : 'at least'} ${goal}${unit}`;
  return [`| ${title}: ${says} | ${words} | ${spread(figure.values, digits)}${unit} | ${verdict} |`];
}

function toLines({ title, about, of, load, variants, figures }: Section, picture: string | undefined): string[] {
  const asked = variants.some(({ runs }) => runs.some(({ requests }) => requests !== undefined));
  const header = [
    'variant',
    'records/s',
    'CPU µs per record',
    ...(asked ? ['requests per 1,000 records'] : []),
    'peak memory, MiB',
  ];
  const rows = variants.map((variant) => `| ${cellsOf(variant, asked).join(' | ')} |`);
  const [before, after] = load.map((value) => value.toFixed(1));
  return [
    '',
    `## ${title}`,
    '',
    about,
    '',
    `Load average ${before} before, ${after} after; ${variants[0]?.runs.length ?? figures[0]?.values.length ?? 0} rounds${of === undefined ? '' : `; measured ${of}`}.`,
    '',
    ...(picture === undefined ? [] : [`![${title}](${picture})`, '']),
    ...(rows.length === 0 ? [] : [`| ${header.join(' | ')} |`, `|${'---|'.repeat(header.length)}`, ...rows, '']),
    ...figures.map(({ says, values, digits, unit = '' }) => `- ${says}: ${spread(values, digits)}${unit}`),
  ];
}

function cellsOf({ name, runs }: Variant, asked: boolean): string[] {
  const requests = runs.map(({ requests = Number.NaN, records }) => (requests / records) * 1000);
  return [
    name,
    spread(runs.map(rateOf), 0),
    spread(runs.map(cpuOf), 1),
    ...(asked ? [requests.some(Number.isNaN) ? '' : spread(requests, 1)] : []),
    spread(runs.map(memoryOf), 0),
  ];
}

export function spread(values: readonly number[], digits: number): string {
  const { min, median, max } = spreadOf(values);
  const shown = [min, median, max].map((value) => value.toFixed(digits));
  return values.length === 1 ? (shown[0] as string) : shown.join(' / ');
}
