/** `docs/dashboards.md`: what the pack for Kibana has, and its queries. */
import { ofStreams, toKql } from '../content/kibana/condition.ts';
import { DASHBOARDS, SEARCHES } from '../content/kibana/definitions/index.ts';
import { QUESTIONS } from '../content/kibana/definitions/questions.ts';
import { RULES } from '../content/kibana/definitions/rules.ts';
import type { DetectionRule } from '../content/kibana/definitions/types.ts';
import { VIEWS } from '../content/kibana/definitions/views.ts';
import { panelQuery } from '../content/kibana/query.ts';
import { HEAD } from './dashboards-text.ts';

export function dashboardsMarkdown(): string {
  return [HEAD, views(), dashboards(), searches(), rules(), questions()].join('\n');
}

function views(): string {
  const rows = VIEWS.map(({ title, pattern, time }) => [title, `\`${pattern}\``, `\`${time}\``]);
  return `## Data views\n\n${table(['data view', 'indices', 'the time picker chooses by'], rows)}`;
}

function dashboards(): string {
  const parts = DASHBOARDS.map(({ title, about, rows }) => {
    const panels = rows.flatMap((row) => row.panels).map((panel) => `- ${panel.title}`);
    return `### ${title}\n\n${about}\n\n${panels.join('\n')}\n`;
  });
  return `## Dashboards\n\n${parts.join('\n')}`;
}

function searches(): string {
  const rows = SEARCHES.map(({ title, streams, where, columns }) => [
    `Sluice: ${title}`,
    code(toKql(ofStreams(streams, where))),
    columns.map(code).join(', '),
  ]);
  return `## Saved searches\n\n${table(['search', 'query', 'columns'], rows)}`;
}

function rules(): string {
  const rows = RULES.map((rule) => [rule.name, rule.about, searched(rule), rule.suppress.by.map(code).join(', ')]);
  return `## Detection rules\n\n${table(['rule', 'what it does', 'query', 'one alert for each'], rows)}`;
}

function searched({ of }: DetectionRule): string {
  return code('esql' in of ? of.esql.replaceAll('\n', ' ') : toKql(ofStreams(of.streams, of.where)));
}

/** The queries as Elasticsearch takes them, for a terminal. */
function questions(): string {
  const parts = QUESTIONS.map(({ question, panel, chosen }) => {
    const { index, body } = panelQuery(panel, chosen === undefined ? [] : [chosen('THE-HASH')]);
    const request = `POST /${index}/_search\n${JSON.stringify(body, undefined, 1)}`;
    return `<details><summary>${question} (${panel.title})</summary>\n\n\`\`\`json\n${request}\n\`\`\`\n\n</details>\n`;
  });
  const head =
    'Each is the query of a panel. They are run on the real Elasticsearch 9.5.3 and 8.19.5 and compared with what the simulator has.';
  return `## What an analyst asks first\n\n${head}\n\n${parts.join('\n')}`;
}

/** A pipe would end the cell. */
function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}`;
}
