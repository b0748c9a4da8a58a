/** Pictures of results as SVG: legible on light and on dark pages, and made of nothing but text. */
import { cpuOf, memoryOf, type Picture, rateOf, type Section, type Spread, spreadOf } from './results.ts';

const WIDTH = 760;
/** Of a bar. */
const MOST = 370;
/** A character of a name, about. */
const CHARACTER = 7.3;
const ROW = 26;
const TOP = 34;
/** Room for the numbers behind the bars. */
const NUMBERS = 90;

/** Undefined for a section without a picture. */
export function pictureOf(section: Section): string | undefined {
  const { picture, title } = section;
  if (picture === undefined || section.variants.every(({ runs }) => runs.length === 0)) return undefined;
  return picture === 'lines' ? lines(section) : bars(title, picture, section);
}

/** A bar to the median, and a line from the least to the most. */
function bars(title: string, picture: Exclude<Picture, 'lines'>, { variants }: Section): string {
  const by = picture === 'cpu' ? cpuOf : rateOf;
  const unit = picture === 'cpu' ? 'CPU µs per record' : 'records a second';
  const rows = variants.map(({ name, runs }) => ({ name, spread: spreadOf(runs.map(by)) }));
  const most = Math.max(...rows.map(({ spread }) => spread.max));
  const scale = (value: number) => (value / most) * MOST;
  const left = Math.ceil(Math.max(...rows.map(({ name }) => name.length)) * CHARACTER) + 16;
  const drawn = rows.flatMap(({ name, spread }, index) => bar(name, spread, [left, TOP + index * ROW], scale));
  return svg(
    title,
    [left + MOST + NUMBERS, TOP + rows.length * ROW + 8],
    [text(8, 20, `${title}: ${unit}`, 'head'), ...drawn],
  );
}

function bar(
  name: string,
  { min, median, max }: Spread,
  [left, y]: [number, number],
  scale: (value: number) => number,
): string[] {
  const middle = y + ROW / 2 - 3;
  return [
    text(left - 8, middle + 4, name, 'name'),
    `<rect class="bar" x="${left}" y="${y}" width="${fixed(scale(median))}" height="${ROW - 8}"/>`,
    `<path class="range" d="M${fixed(left + scale(min))} ${middle}H${fixed(left + scale(max))}"/>`,
    text(left + scale(max) + 6, middle + 4, short(median), 'number'),
  ];
}

const PLOT = { left: 50, top: 76, height: 180, gap: 110 };

/** Time over the number of records, both by powers of ten, where a straight line is linear growth; and memory over the same. */
function lines({ title, variants }: Section): string {
  const points = variants.flatMap(({ runs }) => {
    const [run] = runs;
    if (run === undefined) return [];
    const seconds = spreadOf(runs.map((one) => one.seconds)).median;
    return [{ records: run.records, seconds, memory: spreadOf(runs.map(memoryOf)).median }];
  });
  const width = (WIDTH - 2 * PLOT.left - PLOT.gap) / 2;
  const xs = points.map(({ records }) => Math.log10(records));
  const draw = (left: number, label: string, values: number[], shown: (value: number) => string, floor: number) => {
    const most = Math.max(...values);
    const at = (index: number) => {
      const x =
        left +
        (((xs[index] as number) - (xs[0] as number)) / Math.max(1e-9, (xs.at(-1) as number) - (xs[0] as number))) *
          width;
      const y = PLOT.top + PLOT.height * (1 - ((values[index] as number) - floor) / Math.max(1e-9, most - floor));
      return [fixed(x), fixed(y)] as const;
    };
    return [
      text(left - 8, PLOT.top - 28, label, 'label'),
      `<path class="axis" d="M${left} ${PLOT.top}V${PLOT.top + PLOT.height}H${fixed(left + width)}"/>`,
      `<path class="line" d="M${values.map((_, index) => at(index).join(' ')).join('L')}"/>`,
      ...values.flatMap((value, index) => {
        const [x, y] = at(index);
        return [
          `<circle class="dot" cx="${x}" cy="${y}" r="4"/>`,
          text(Number(x), Number(y) - 9, shown(value), 'point'),
          text(Number(x), PLOT.top + PLOT.height + 18, short(points[index]?.records ?? 0), 'point'),
        ];
      }),
    ];
  };
  const log = points.map(({ seconds }) => Math.log10(seconds));
  return svg(
    title,
    [WIDTH, PLOT.top + PLOT.height + 34],
    [
      text(8, 18, title, 'head'),
      ...draw(PLOT.left, 'seconds, by powers of ten', log, (value) => short(10 ** value), Math.floor(Math.min(...log))),
      ...draw(
        PLOT.left + width + PLOT.gap,
        'peak memory, MiB',
        points.map(({ memory }) => memory),
        short,
        0,
      ),
    ],
  );
}

/** Grey and blue that can be read on white and on black; a page that says it is dark gets lighter ones. */
const STYLE = [
  'text{font:13px system-ui,sans-serif;fill:#374151}.head{font-weight:600}.name{text-anchor:end}.point{text-anchor:middle;font-size:11px}',
  '.bar{fill:#3b82f6}.range{stroke:#1e3a8a;stroke-width:2}.line{stroke:#3b82f6;stroke-width:2;fill:none}.dot{fill:#3b82f6}.axis{stroke:#6b7280;fill:none}',
  '@media (prefers-color-scheme:dark){text{fill:#d1d5db}.range{stroke:#bfdbfe}}',
].join('');

function svg(title: string, [width, height]: [number, number], parts: string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`;
  return `${[open, `<title>${escaped(title)}</title>`, `<style>${STYLE}</style>`, ...parts, '</svg>'].join('\n')}\n`;
}

function text(x: number, y: number, words: string, kind: string): string {
  return `<text class="${kind}" x="${fixed(x)}" y="${fixed(y)}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function fixed(value: number): string {
  return value.toFixed(1);
}

function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : 1);
}
