/** Results on the disk: bench/results/latest.json, and the page and pictures made of it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { pageOf } from './page.ts';
import { pictureOf } from './picture.ts';
import type { Results } from './results.ts';

const ROOT = join(import.meta.dirname, '..', '..');
export const LATEST = join(ROOT, 'bench', 'results', 'latest.json');
export const RELEASED = join(ROOT, 'bench', 'results', 'released.json');
const PAGE = join(ROOT, 'docs', 'benchmarks.md');
const PICTURES = join(ROOT, 'docs', 'benchmarks');

export function machineNow(): Pick<Results, 'date' | 'machine'> {
  const date = new Date().toISOString().slice(0, 10);
  return {
    date,
    machine: `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.version}`,
  };
}

export function keptResults(path = LATEST): Results | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Results) : undefined;
}

/** A section that was not measured now stays as it was, and says of when it is. */
export function joined(kept: Results | undefined, now: Results): Results {
  if (kept === undefined) return now;
  const fresh = new Map(now.sections.map((section) => [section.id, section]));
  const old = new Set(kept.sections.map(({ id }) => id));
  const sections = kept.sections.map((section) => {
    const { of = `${kept.date}, ${kept.machine}` } = section;
    const isOther = of !== `${now.date}, ${now.machine}`;
    return fresh.get(section.id) ?? (isOther ? { ...section, of } : section);
  });
  return { ...now, sections: [...sections, ...now.sections.filter(({ id }) => !old.has(id))] };
}

export function writeAll(results: Results): void {
  mkdirSync(join(ROOT, 'bench', 'results'), { recursive: true });
  writeFileSync(LATEST, `${JSON.stringify(results, rounded, 1)}\n`);
  rmSync(PICTURES, { recursive: true, force: true });
  mkdirSync(PICTURES, { recursive: true });
  const pictures = new Map<string, string>();
  for (const section of results.sections) {
    const picture = pictureOf(section);
    if (picture === undefined) continue;
    writeFileSync(join(PICTURES, `${section.id}.svg`), picture);
    pictures.set(section.id, `benchmarks/${section.id}.svg`);
  }
  writeFileSync(PAGE, pageOf({ results, pictures }));
}

/** More digits than a noisy machine gives are none. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
