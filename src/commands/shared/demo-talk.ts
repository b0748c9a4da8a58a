/** What the demo says. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Cli } from './context.ts';
import type { DemoSimulator } from './demo-simulator.ts';
import type { JobResult } from './jobs.ts';
import { isNothingNew } from './result.ts';
import { plural, showCount, showTime } from './times.ts';

export interface DemoSummary {
  result: JobResult;
  stream: string;
  seconds: number;
  /** Where the documents are. */
  folder: string;
}

export function sayBeginning(cli: Cli, simulator: DemoSimulator, detections: number): void {
  const lines = [
    `A simulated tenant with ${plural(detections, 'detection')} (${showTime(simulator.startMs)} to ${showTime(simulator.endMs)}) answers on ${simulator.url}.`,
    'Reading every list page twice, fetching the detail of each record that is new, and writing ECS documents to ./sluice-demo/out …',
  ];
  cli.stderr.write(`${lines.join('\n')}\n`);
}

/** What became of one stream; as JSON, a line per stream. */
export function saySummary(cli: Cli, summary: DemoSummary, json: boolean): void {
  const { result, stream, seconds, folder } = summary;
  const files = filesIn(folder);
  const nothingNew = isNothingNew([result]);
  if (json) {
    cli.stdout.write(`${JSON.stringify({ ...result, seconds, nothingNew, folder, files })}\n`);
    return;
  }
  if (nothingNew)
    cli.stdout.write(
      `${stream}: nothing new: all ${plural(result.records, 'record')} had been delivered before; no document was added\n\n`,
    );
  else sayShipped(cli, summary, files);
}

function sayShipped(cli: Cli, { result, stream, seconds, folder }: DemoSummary, files: string[]): void {
  const hasDetails = cli.streams.some((one) => one.stream.name === stream && one.stream.detail !== undefined);
  const [newest] = files.slice(-1);
  if (newest !== undefined)
    cli.stdout.write(`One document as it was shipped:\n${firstDocument(join(folder, newest))}\n\n`);
  const rate = Math.round(result.delivered / Math.max(seconds, 0.001));
  const bytes = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  const lines = [
    `${stream}: ${plural(result.records, 'record')} read in ${plural(result.windows, 'window')}, ${plural(result.delivered, 'document')} delivered${hasDetails ? ' with details' : ''}`,
    `${seconds.toFixed(1)} s, ${showCount(rate)} documents a second`,
    `${plural(files.length, 'file')} with ${(bytes / 2 ** 20).toFixed(1)} MiB in ./${folder}`,
  ];
  cli.stdout.write(`${lines.join('\n')}\n\n`);
}

export function sayNext(cli: Cli, folder: string): void {
  const lines = [
    'What next',
    '  sluice demo               again: finds nothing new, and adds nothing',
    '  sluice demo --keep-going  a tenant that changes while it is read',
    '  sluice config example     a config for a real tenant; then `sluice check` and `sluice run`',
    `  head -1 ${join(folder, '*/*')}   the documents`,
  ];
  cli.stdout.write(`${lines.join('\n')}\n`);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.includes('.ndjson'))
      .sort();
  } catch {
    return [];
  }
}

/** Pretty; long lists of artifacts are part of what a detection is. */
function firstDocument(path: string): string {
  const [line = '{}'] = readFileSync(path, 'utf8').split('\n', 1);
  return JSON.stringify(JSON.parse(line), null, 2);
}
