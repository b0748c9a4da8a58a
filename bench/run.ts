/**
 * `npm run bench`: measures, keeps the figures in bench/results/latest.json, and writes docs/benchmarks.md with its pictures.
 *
 * `--only NAME,…` some chapters; `--all` those, too, that need more than Node; `--rounds N`; `--quick` a tenth of everything in
 * two rounds, written nowhere; `--print` writes nowhere, either; `--list` names the chapters; `--page` only writes the page again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBench } from './bench.ts';
import { CHAPTERS, chosen } from './chapters.ts';
import { joined, keptResults, machineNow, writeAll } from './report/kept.ts';
import { pageOf } from './report/page.ts';
import type { Section } from './report/results.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    print: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
  },
});

if (options.list) {
  for (const { name, needs } of CHAPTERS) console.log(needs === undefined ? name : `${name} (needs ${needs})`);
} else if (options.page) rewrite();
else await run();

function rewrite(): void {
  const kept = keptResults();
  if (kept === undefined) throw new Error('bench/results/latest.json is not there: nothing was measured yet');
  writeAll(kept);
}

async function run(): Promise<void> {
  const chapters = chosen(options);
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 on');
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const sections: Section[] = [];
  const writes = !options.quick && !options.print;
  try {
    const bench = createBench({ scratch, rounds, quick: options.quick });
    for (const { measure } of chapters) {
      sections.push(...(await measure(bench)));
      // After each, so that a later one that fails takes nothing with it.
      if (writes) writeAll(joined(keptResults(), { ...machineNow(), sections }));
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (!writes) console.log(pageOf({ results: { ...machineNow(), sections }, pictures: new Map() }));
}
