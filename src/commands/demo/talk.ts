/** What the demo says. */
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { plural, showCount, showTime } from '../../observe/show.ts';
import type { Cli } from '../shared/context.ts';
import type { JobResult } from '../shared/jobs.ts';
import { isNothingNew } from '../shared/result.ts';
import { table } from '../shared/table.ts';
import type { DemoSimulator } from './simulator.ts';

/** What became of one stream. */
interface DemoSummary {
  stream: string;
  result: JobResult;
  /** Where the documents are. */
  folder: string;
  files: string[];
  bytes: number;
  /** How many there are in the files, from this demo and those before. */
  documents: number;
  /** How many the simulator says that there must be. */
  expected: number;
}

export function sayBeginning(cli: Cli, simulator: DemoSimulator, detections: number): void {
  const lines = [
    `A simulated tenant with ${plural(detections, 'detection')} (${showTime(simulator.startMs)} to ${showTime(simulator.endMs)}), and everything else that the two vendors tell of it answers on ${simulator.url}.`,
    'Reading all streams of Cylance and Apex Central: every list page twice, and the detail of each record that is new; writing ECS documents to ./sluice-demo/out …',
  ];
  cli.stderr.lines(lines);
}

/** Counts the documents in the files of a stream. */
export async function summaryOf(result: JobResult, folder: string, expected: number): Promise<DemoSummary> {
  const files = filesIn(folder);
  let bytes = 0;
  let documents = 0;
  for (const file of files) {
    for await (const chunk of createReadStream(join(folder, file))) {
      bytes += (chunk as Buffer).length;
      for (const byte of chunk as Buffer) if (byte === 10) documents++;
    }
  }
  return { stream: result.pipeline.split('/')[1] ?? '', result, folder, files, bytes, documents, expected };
}

/** A line per stream; as JSON, an object per stream. */
export function saySummaries(cli: Cli, summaries: DemoSummary[], seconds: number, json: boolean): void {
  if (json) {
    for (const { result, ...rest } of summaries)
      cli.stdout.json({ ...result, seconds, nothingNew: isNothingNew([result]), ...rest });
    return;
  }
  const results = summaries.map(({ result }) => result);
  const isNew = !isNothingNew(results);
  const [newest] = summaries.filter(({ result, files }) => result.delivered > 0 && files.length > 0);
  if (newest !== undefined) showDocument(cli, join(newest.folder, newest.files.at(-1) ?? ''));
  const head = ['stream', 'read', 'new', 'documents', 'the simulator has', ''];
  const rows = summaries.map(({ stream, result, documents, expected, files, bytes }) => [
    stream,
    ...[result.records, result.delivered, documents, expected].map(showCount),
    `${plural(files.length, 'file')} with ${showCount(Math.ceil(bytes / 1024))} KiB`,
  ]);
  cli.stdout.lines(table([head, ...rows]));
  if (!isNew) cli.stdout.line('nothing new: every record had been delivered before; no document was added');
  const delivered = results.reduce((sum, one) => sum + one.delivered, 0);
  const rate = Math.round(delivered / Math.max(seconds, 0.001));
  cli.stdout.lines([`${seconds.toFixed(1)} s, ${showCount(rate)} documents a second`, '']);
}

export function sayNext(cli: Cli, folder: string): void {
  const lines = [
    'What next',
    '  sluice demo               again: finds nothing new, and adds nothing',
    '  sluice demo --keep-going  a tenant that changes while it is read',
    '  sluice config example     a config for a real tenant; then `sluice check` and `sluice run`',
    `  head -1 ${join(folder, '*/*')}   the documents`,
  ];
  cli.stdout.lines(lines);
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.ndjson(\.part)?$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** Pretty-printed and whole, long lists of artifacts included. */
function showDocument({ stdout }: Cli, path: string): void {
  const [line = '{}'] = readFileSync(path, 'utf8').split('\n', 1);
  stdout.line('One document as it was shipped:');
  stdout.json(JSON.parse(line), 2);
  stdout.line('');
}
