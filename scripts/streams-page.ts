/** `docs/streams.md`: every stream as its connector declares it, with a document of its fixtures as the example. */
import { readdirSync, readFileSync } from 'node:fs';
import { streams } from '../connectors/index.ts';
import { type FieldList, MOST_ITEMS } from '../mappings/ecs.ts';
import { CONTENT_IS_CUT } from '../mappings/ecs-document.ts';
import type { StreamName } from '../src/api/document.ts';
import { ALWAYS_SECRET } from '../src/api/records/secrets.ts';
import type { Registered } from '../src/api/stream.ts';
import { folderOf } from '../test/fixtures/documents.ts';

/** What the vendors' documents describe and Sluice does not read. */
const NOT_READ: readonly [what: string, why: string][] = [
  ['`GET /detections/v2/csv`', 'the same detections with fewer members, and not paged'],
  [
    '`GET /rules/v2/csv`, `/rulesets/v2/csv`, `/exceptions/v2/csv`',
    'the same rules, rule sets and exceptions with fewer members, and without their logic',
  ],
  [
    '`GET /rulesets/v2/default`',
    'the default rule set, a template to make others from: every rule of the tenant, as `cylance.detection_rule` ships them',
  ],
  ['`POST /rules/v2/validate`', 'checks a rule that somebody writes; there is nothing in it to ship'],
  [
    '`POST /foci/v2/search`',
    'looks for the focus views of artifacts that one names; the list, which is read, has all of them',
  ],
  ['focus views with `q`', 'a list that is called with it returns nothing these days, whatever it says'],
  [
    '`GET /detections/v2/recent`',
    'two counts; asked once where a list answers 404, to tell an empty one from a wrong address',
  ],
  ['`/devicecommands/v2/{id}/getfile:get`', 'may make a download link at the vendor, though it is called a read'],
  ['`V1/Task/ShowFootPrintCsv` (Apex Central)', 'the footprints of `apex_central.footprint` as CSV inside JSON'],
  ['everything that changes or requests something', 'Sluice only reads'],
];

const HEAD = `<!-- Written by \`npm run docs\`; do not edit. -->
# Streams

A stream is one resource of a vendor; its name is \`event.dataset\` and a part of the data stream's and the topic's name. \`event.id\` is the key, \`event.sequence\` counts the revisions of a key, \`event.hash\` is the revision: a hash over the shipped record without its ignored members. A record whose revision changes is shipped again, with the change in \`event.action\`. Which time to use, what a closed record says, and what the fields mean: [documents.md](documents.md).

A document keeps so many items of each list (also of each object below a \`flattened\` field, and of each list in \`related\`) as its stream's *longest lists* says. Where a record has more, the document has the tag \`${CONTENT_IS_CUT}\`, and \`unfit\` below its prefix says how much is kept, by the name of the field: \`"cylance.detection.zone_ids.cut": "1000 of 1500"\`. What does not fit its field is kept up to 8,191 characters, and what is longer is told in the same way: \`"event.reason.text.cut": "8191 of 20000 characters"\`.

`;

export function streamsMarkdown(): string {
  return `${HEAD}${streams.map(sectionOf).join('\n')}\n## What is not read\n\n${table(['what', 'why'], NOT_READ)}`;
}

function closedOf({ name, lifecycle }: Registered['stream']): [string, string][] {
  if (lifecycle === undefined) return [];
  const words = lifecycle.closed.map((word) => `\`${word}\``).join(', ');
  return [
    ['closed', `with ${words}: \`event.end\` and \`event.duration\` by when that was seen, \`${name}.end_precision\``],
  ];
}

function sectionOf({ stream, fields }: Registered & { fields: FieldList }): string {
  const { about, changes, actions } = stream;
  const named = [
    ...changes.map(({ action }) => action),
    actions.updated,
    ...(actions.deleted === undefined ? [] : [actions.deleted]),
  ];
  const rows: [string, string][] = [
    ['endpoints', about.endpoints.map(code).join(', ')],
    ['scopes', about.scopes.length === 0 ? 'none: the vendor has none' : about.scopes.map(code).join(', ')],
    ['reading', about.reading],
    ['key', about.key],
    [
      'revision',
      stream.detail
        ? 'a hash of the detail, or of the list record where the detail cannot be had'
        : 'a hash of the record',
    ],
    ['actions of later revisions', [...new Set(named)].map(code).join(', ')],
    ['never a change', stream.ignored.length === 0 ? 'every member counts' : stream.ignored.map(code).join(', ')],
    [
      'removed',
      `${[...new Set([...ALWAYS_SECRET, ...stream.secrets])].map(code).join(', ')}, and credentials inside texts (command lines, URLs, headers)`,
    ],
    ['deletions', deletionsOf(stream)],
    ...closedOf(stream),
    ['longest lists', longest(fields)],
    ['fields', `${fields.ecs.length} of ECS, ${Object.keys(fields.custom).length} below \`${stream.name}\``],
  ];
  const limits = (about.limits ?? []).map((limit) => `- Limit: ${limit}.`);
  const end = limits.length === 0 ? [] : [...limits, ''];
  return [`## ${stream.name}`, '', `${about.title}.`, '', table(['', ''], rows), ...end, example(stream.name), ''].join(
    '\n',
  );
}

function longest({ most = {} }: FieldList): string {
  const others = Object.entries(most).map(([field, items]) => `${code(field)} ${count(items)}`);
  return [`${count(MOST_ITEMS)} items`, ...others].join(', ');
}

function count(items: number): string {
  return items.toLocaleString('en-US');
}

function deletionsOf({ detail, tombstone }: Registered['stream']): string {
  if (tombstone === undefined) return 'not noticed';
  return detail === undefined
    ? 'shipped as a last revision once two readings of the list, a `reading.snapshot` apart, do not have the record; not while the list is empty or lost more than a tenth'
    : 'shipped as a last revision once they are proven';
}

function code(text: string): string {
  return `\`${text}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

/** The shortest document of its fixtures that is not the barest one: short enough to be read, long enough to say something. */
function example(name: StreamName): string {
  const folder = new URL(`../test/fixtures/${folderOf(name)}/`, import.meta.url);
  const texts = readdirSync(folder)
    .filter((file) => file.endsWith('.expected.json'))
    .map((file) => readFileSync(new URL(file, folder), 'utf8').trim())
    .sort((one, other) => one.length - other.length || (one < other ? -1 : 1));
  const text = texts[Math.floor(texts.length / 2)] ?? '{}';
  return `<details><summary>An example, without what the engine adds</summary>\n\n\`\`\`json\n${text}\n\`\`\`\n\n</details>`;
}
