/** `docs/vendor-samples.md`: every JSON sample of the vendors' documents, what becomes of it, and how it was mended. */
import { type Mend, readSamples, type Sample } from '../test/fixtures/vendor-samples.ts';

/** What each document is, by the number that its file's name begins with. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  '000': 'Get a focus view summary (newer wording)',
  '001': 'the CylanceOPTICS API guide',
  '002': 'Get InstaQuery results (newer wording)',
  '003': 'Get threat devices',
  '004': 'Apex Central, ShowFootPrintTable',
};

export function samplesMarkdown(): string {
  const samples = readSamples();
  const mended = samples.filter(({ mends }) => mends.length > 0).length;
  const shipped = samples.filter(({ stream }) => stream !== undefined).length;
  const head = `<!-- Written by \`npm run docs\`; do not edit. -->
# Samples of the vendors' documents

Each of the ${samples.length} JSON samples is a file below \`test/fixtures/vendor-samples/\`, named by document and first line, with its text as it stands in the document. ${mended} are not JSON as they stand; what was changed is shown here, with ⏎ for the end of a line or of a piece (many samples are cut by the end of a table cell or of a page). ${shipped} are replies that a stream ships: \`test/contract/vendor-samples.test.ts\` makes documents of them, and fails where a mend is missing, superfluous, or has no place.
`;
  return (
    head +
    Object.keys(DOCUMENTS)
      .map((number) => sectionOf(number, samples))
      .join('')
  );
}

function sectionOf(number: string, all: readonly Sample[]): string {
  const samples = all.filter(({ document }) => document.startsWith(number));
  const title = `\n## ${number}: ${DOCUMENTS[number]}\n\n`;
  if (samples.length === 0) return `${title}No sample is in it, only a table of fields.\n`;
  const rows = samples.map((sample) => {
    const { line, lastLine, what, stream, notShipped, mends } = sample;
    const lines = line === lastLine ? `${line}` : `${line}–${lastLine}`;
    return `| ${lines} | ${what} | ${stream === undefined ? notShipped : whereOf(sample)} | ${mends.map(mendOf).join('<br>')} |\n`;
  });
  const { document } = samples[0] as Sample;
  return `${title}\`${document}\`\n\n| lines | what | stream, or why it is not shipped | mends |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}

function whereOf({ stream, records }: Sample): string {
  return records ? `\`${stream}\`: \`${records}\`` : `\`${stream}\``;
}

function mendOf({ find, replace, why }: Mend): string {
  return `${code(find)} → ${code(replace)}: ${why}`;
}

/** Indentation says nothing here, and a bar would end the table's cell. */
function code(text: string): string {
  return `\`${text
    .trim()
    .replace(/\s*\n\s*/g, ' ⏎ ')
    .replaceAll('|', '\\|')}\``;
}
