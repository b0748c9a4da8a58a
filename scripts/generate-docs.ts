/**
 * Writes the pages that are made from code. With `--check` it writes nothing and fails when a page is stale.
 * A page is one line of `pages`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { streams } from '../connectors/index.ts';
import { detectionRules, savedObjects, toNdjson } from '../content/index.ts';
import { programOf } from '../src/cli.ts';
import type { Cli } from '../src/commands/shared/context.ts';
import { configJsonSchema, configMarkdown } from '../src/config/load.ts';
import { dashboardsMarkdown } from './dashboards-page.ts';
import { grafanaBoard } from './grafana/board.ts';
import { kafkaDocumentSchema } from './kafka-schema.ts';
import { metricsMarkdown } from './metrics-page.ts';
import { samplesMarkdown } from './samples-page.ts';
import { streamsMarkdown } from './streams-page.ts';

const connectors = [...new Set(streams.map(({ connector }) => connector))];

/** Path within the project -> its content. */
export const pages: Record<string, () => string> = {
  'bin/help.txt': helpText,
  'docs/config.md': () => configMarkdown(connectors),
  'docs/metrics.md': metricsMarkdown,
  'docs/streams.md': streamsMarkdown,
  'docs/dashboards.md': dashboardsMarkdown,
  'docs/vendor-samples.md': samplesMarkdown,
  'content/kibana/sluice.ndjson': () => toNdjson(savedObjects()),
  'content/kibana/sluice-latest.ndjson': () => toNdjson(savedObjects(true)),
  'content/kibana/sluice-rules.ndjson': () => toNdjson(detectionRules()),
  'docs/config.schema.json': () => `${JSON.stringify(configJsonSchema(connectors), null, 2)}\n`,
  'content/grafana/sluice.json': () => `${JSON.stringify(grafanaBoard(), null, 2)}\n`,
  'docs/kafka-document.schema.json': () => `${JSON.stringify(kafkaDocumentSchema(), null, 2)}\n`,
};

/** What `sluice --help` prints where nobody says how wide the terminal is. */
function helpText(): string {
  const page = () => {};
  const cli = { version: '0', columns: 80, stdout: { page }, stderr: { page }, streams };
  let text = '';
  const program = programOf(cli as unknown as Cli).configureOutput({ writeOut: (part) => (text += part) });
  program.outputHelp();
  return text;
}

const root = new URL('../', import.meta.url);

/** The pages whose file differs from what the code says. */
export function stalePages(): string[] {
  return Object.entries(pages)
    .filter(([path, content]) => read(path) !== content())
    .map(([path]) => path);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, root), 'utf8');
  } catch {
    return undefined;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = stalePages();
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is stale: run \`npm run docs\` and commit what it writes`);
    process.exitCode = stale.length > 0 ? 1 : 0;
  } else {
    for (const path of stale) {
      const file = fileURLToPath(new URL(path, root));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, pages[path]?.() ?? '');
      console.log(`wrote ${path}`);
    }
  }
}
