/** A bar chart over time, as SVG. */
import type { Range } from '../../api/walk.ts';
import { showCount, showTime } from '../../observe/show.ts';
import { type Html, html } from './html.ts';

const WIDTH = 720;
const HEIGHT = 120;
const FOOT = 22;

export interface Chart {
  title: string;
  range: Range;
  /** As many as there are bars. */
  values: readonly number[];
  /** What stands in front of them, from the same ground. */
  marked?: readonly number[];
  /** Ranges that are drawn over the whole height. */
  bands?: readonly Range[];
}

/** For readers without eyes the title says all; the numbers stand in a table beside it. */
export function chart({ title, range, values, marked = [], bands = [] }: Chart): Html {
  const most = Math.max(1, ...values);
  const step = WIDTH / values.length;
  const bar = (value: number, index: number, kind: string): Html[] => {
    if (value === 0) return [];
    const height = Math.max(2, (value / most) * (HEIGHT - 14));
    const place = `x="${(index * step + 0.5).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}"`;
    const size = `width="${(step - 1).toFixed(1)}" height="${height.toFixed(1)}"`;
    return [{ html: `<rect class="${kind}" ${place} ${size}/>` }];
  };
  const at = (ms: number) =>
    ((Math.min(range.toMs, Math.max(range.fromMs, ms)) - range.fromMs) / (range.toMs - range.fromMs)) * WIDTH;
  const band = ({ fromMs, toMs }: Range): Html => {
    const [from, to] = [at(fromMs), at(toMs)];
    return {
      html: `<rect class="gap" x="${from.toFixed(1)}" y="0" width="${Math.max(2, to - from).toFixed(1)}" height="${HEIGHT}"/>`,
    };
  };
  const said = `${title}: at most ${showCount(most)} in one bar, ${showTime(range.fromMs)} to ${showTime(range.toMs)}`;
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT + FOOT}" role="img" aria-label="${said}">
<line class="ground" x1="0" x2="${WIDTH}" y1="${HEIGHT}" y2="${HEIGHT}"/>
${bands.map(band)}
${values.flatMap((value, index) => bar(value, index, 'bar'))}
${marked.flatMap((value, index) => bar(value, index, 'marked'))}
<text x="0" y="${HEIGHT + FOOT - 5}">${showTime(range.fromMs)}</text>
<text x="${WIDTH}" y="${HEIGHT + FOOT - 5}" text-anchor="end">${showTime(range.toMs)}</text>
<text x="0" y="10">${showCount(most)}</text>
</svg>`;
}
