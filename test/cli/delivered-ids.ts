import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The ids of all events in the files of a folder, in the order of the files. */
export function idsIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.ndjson'));
  const lines = names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  return lines.filter(Boolean).map((line) => (JSON.parse(line) as { event: { id: string } }).event.id);
}
