/** One page that needs nothing else: no script, and nothing from elsewhere. */
import type { Range } from '../../api/walk.ts';
import { plural, showCount, showTime } from '../../observe/show.ts';
import { chart } from './chart.ts';
import type { PipelineReport } from './data.ts';
import { type Html, html } from './html.ts';

export interface ReportFacts {
  range: Range;
  madeAtMs: number;
  version: string;
  /** The identity of the state. */
  state: string;
  pipelines: readonly PipelineReport[];
}

/** Colours by the part they play; each pair of text and ground has a contrast of 4.5 at least, in either scheme. */
export const COLOURS = {
  light: {
    ...{ ground: '#ffffff', panel: '#f4f6f8', text: '#1b2733', soft: '#4a5a6a', line: '#c9d2da' },
    ...{ bar: '#2f6f9f', marked: '#8a4b08', gap: '#b3261e', good: '#17653a', bad: '#a3211b' },
  },
  dark: {
    ...{ ground: '#12181f', panel: '#1b242d', text: '#e6edf3', soft: '#a9b7c4', line: '#3a4752' },
    ...{ bar: '#6cb2e0', marked: '#e0a458', gap: '#ff8a80', good: '#7fd6a0', bad: '#ff9a92' },
  },
} as const;

function variables(colours: Record<string, string>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

const STYLE = `
:root{color-scheme:light dark;${variables(COLOURS.light)}}
@media (prefers-color-scheme:dark){:root{${variables(COLOURS.dark)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.5 system-ui,sans-serif}
header,main,footer{max-width:62rem;margin:0 auto;padding:1rem 1.25rem}
h1{font-size:1.6rem;margin:.5rem 0 0}
h2{font-size:1.15rem;margin:0}
p{margin:.35rem 0}
.soft{color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.5rem 0}
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right}
section{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:1rem 1.25rem;margin:1.25rem 0}
.good{color:var(--good);font-weight:600}
.bad{color:var(--bad);font-weight:600}
svg{width:100%;height:auto;display:block;margin:.25rem 0 .75rem}
svg text{fill:var(--soft);font:12px system-ui,sans-serif}
.bar{fill:var(--bar)}.marked{fill:var(--marked)}.gap{fill:var(--gap);opacity:.35}.ground{stroke:var(--line)}
figure{margin:.75rem 0 0}figcaption{font-weight:600}
@media print{section{break-inside:avoid}}
`;

export function pageOf({ range, madeAtMs, version, state, pipelines }: ReportFacts): string {
  const times = `${showTime(range.fromMs)} to ${showTime(range.toMs)}`;
  const open = pipelines.filter((one) => problemsOf(one).length > 0).length;
  const verdict =
    open === 0
      ? html`<p class="good">Nothing is known to be missing.</p>`
      : html`<p class="bad">${plural(open, 'stream')} of ${pipelines.length} with something to look at.</p>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Delivery report: ${times}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<header>
<h1>Delivery report</h1>
<p>${times}</p>
${verdict}
</header>
<main>
${overview(pipelines)}
${pipelines.map((one) => section(one, range))}
</main>
<footer class="soft">
<p>Made by Sluice ${version} at ${showTime(madeAtMs)} from the state ${state}. Times are UTC. What the sinks hold today was not asked: <code>sluice verify</code> does.</p>
</footer>
</body>
</html>
`.html;
}

function overview(pipelines: readonly PipelineReport[]): Html {
  const row = (one: PipelineReport): Html => {
    const problems = problemsOf(one);
    const state =
      problems.length === 0
        ? html`<span class="good">complete</span>`
        : html`<span class="bad">${problems.join(', ')}</span>`;
    return html`<tr><th scope="row">${one.stream}<br><span class="soft">${one.source} to ${one.sink}</span></th>
<td class="n">${vendorCount(one)}</td><td class="n">${showCount(one.records)}</td><td class="n">${showCount(one.documents)}</td>
<td class="n">${showCount(one.deleted)}</td><td class="n">${showCount(rejectedOf(one))}</td><td>${state}</td></tr>`;
  };
  return html`<div class="wide" tabindex="0" role="region" aria-label="Overview">
<table>
<caption>Overview</caption>
<thead><tr><th scope="col">Stream</th><th scope="col" class="n">Vendor had</th><th scope="col" class="n">Records delivered</th><th scope="col" class="n">Documents</th><th scope="col" class="n">Deleted</th><th scope="col" class="n">Rejected</th><th scope="col">State</th></tr></thead>
<tbody>
${pipelines.map(row)}
</tbody>
</table>
</div>`;
}

function vendorCount({ vendor }: PipelineReport): string {
  if (vendor.atMs === undefined) return '-';
  return vendor.part >= 0.999
    ? showCount(vendor.records)
    : `${showCount(vendor.records)} in ${Math.floor(vendor.part * 100)} % of the time`;
}

function rejectedOf({ rejections }: PipelineReport): number {
  return rejections.reduce((sum, { documents }) => sum + documents, 0);
}

/** In words: what an auditor would ask about. */
export function problemsOf(one: PipelineReport): string[] {
  const count = (...kinds: readonly string[]) => one.open.filter(({ kind }) => kinds.includes(kind)).length;
  const of = (number: number, text: string) => (number > 0 ? [text] : []);
  const never = count('never');
  const gaps = count('unsettled', 'unreadable');
  const bare = count('owed', 'given up');
  const children = count('child');
  return [
    ...of(never, `${plural(never, 'range')} never read`),
    ...of(gaps, plural(gaps, 'gap')),
    ...of(bare, `${showCount(bare)} without their detail`),
    ...of(children, `${showCount(children)} lists not read`),
    ...of(rejectedOf(one), `${showCount(rejectedOf(one))} rejected`),
    ...of(one.dropped, `${showCount(one.dropped)} given up`),
    ...(one.vendor.atMs === undefined ? ['not read yet'] : []),
  ];
}

function section(one: PipelineReport, range: Range): Html {
  const { perTime } = one;
  const bands = one.open.flatMap(({ key, range: part }) => (key === undefined ? [part] : []));
  const delivered = html`<figure><figcaption>Documents, by when they were delivered</figcaption>
${chart({ title: `Documents of ${one.pipeline} by when they were delivered`, range, values: perTime.delivered })}</figure>`;
  return html`<section aria-labelledby="${idOf(one)}">
<h2 id="${idOf(one)}">${one.title}: ${one.source} to ${one.sink}</h2>
<p class="soft">${one.stream}${one.isTimed ? '' : '; its list has no times, so the counts are of all its records'}</p>
${facts(one)}
<figure><figcaption>Records, by their own time</figcaption>
${chart({ title: `Records of ${one.pipeline} by their own time`, range, values: perTime.records, marked: perTime.deleted, bands })}</figure>
<p class="soft">Blue: delivered; brown: deleted since; red: not read, or not to its end.</p>
${delivered}
${gapTable(one)}
${rejectionTable(one)}
</section>`;
}

function idOf({ pipeline }: PipelineReport): string {
  return `p-${pipeline.replace(/[^A-Za-z0-9-]/g, '-')}`;
}

function facts(one: PipelineReport): Html {
  const { vendor, readUntilMs, forgottenUntilMs } = one;
  const counted =
    vendor.atMs === undefined
      ? 'The vendor was not asked yet.'
      : `The vendor had ${vendorCount(one)} when it was counted last (${showTime(vendor.atMs)})${one.isOfChildren ? '; entries of its replies that are equal are one record' : ''}.`;
  const known = `${plural(one.records, 'record')} delivered in ${plural(one.documents, 'document')}, ${showCount(one.deleted)} of them deleted since.`;
  return html`<p>${counted}</p>
<p>${known}</p>
${readUntilMs === undefined ? [] : html`<p>Read up to ${showTime(readUntilMs)}.</p>`}
${forgottenUntilMs === undefined ? [] : html`<p class="bad">What lies before ${showTime(forgottenUntilMs)} was forgotten: it is not verifiable.</p>`}`;
}

/** More are counted: a page must stay one that can be read. */
const MOST_ROWS = 200;

function gapTable({ open, pipeline }: PipelineReport): Html {
  if (open.length === 0) return html`<p class="good">No gaps.</p>`;
  const more = open.length - MOST_ROWS;
  const row = ({ range: { fromMs, toMs }, kind, key, why }: PipelineReport['open'][number]): Html => {
    const to = toMs === fromMs ? '' : showTime(toMs);
    return html`<tr><td>${showTime(fromMs)}</td><td>${to}</td><td>${kind}</td><td>${key === undefined ? why : `${key}: ${why}`}</td></tr>`;
  };
  return html`<div class="wide" tabindex="0" role="region" aria-label="Gaps of ${pipeline}"><table><caption>Gaps</caption>
<thead><tr><th scope="col">From</th><th scope="col">To</th><th scope="col">What</th><th scope="col">Why</th></tr></thead>
<tbody>${open.slice(0, MOST_ROWS).map(row)}</tbody></table></div>
${more > 0 ? html`<p>And ${showCount(more)} more: <code>sluice gaps</code>.</p>` : []}`;
}

function rejectionTable({ rejections, pipeline }: PipelineReport): Html | readonly Html[] {
  if (rejections.length === 0) return [];
  return html`<div class="wide" tabindex="0" role="region" aria-label="Rejected documents of ${pipeline}"><table><caption>Rejected documents</caption>
<thead><tr><th scope="col">Cause</th><th scope="col" class="n">Documents</th></tr></thead>
<tbody>${rejections.map(({ type, documents }) => html`<tr><td>${type}</td><td class="n">${showCount(documents)}</td></tr>`)}</tbody></table></div>`;
}
