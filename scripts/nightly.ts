/**
 * `npm run bench:nightly`: runs the benchmark, and compares its ratios with those of the last release
 * (bench/results/released.json). Exit code 1, and a sentence for each, where one got worse beyond the noise.
 *
 * Not part of CI: a machine that others use shows nothing. `--no-run` compares what was measured before; `--release` makes what was
 * measured last the release that later nights are compared with; what else is given goes to the benchmark (`--only lists`).
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { keptResults, LATEST, RELEASED } from '../bench/report/kept.ts';
import { verdictOf } from '../bench/report/verdict.ts';

const ROOT = join(import.meta.dirname, '..');
const OWN = new Set(['--no-run', '--release']);
const UNKEPT = new Set(['--quick', '--print', '--list', '--page']);
const args = process.argv.slice(2);

process.exitCode = args.includes('--release') ? release() : nightly();

function release(): number {
  copyFileSync(LATEST, RELEASED);
  console.log('bench/results/released.json is what later nights are compared with: commit it with the release.');
  return 0;
}

function nightly(): number {
  if (!args.includes('--no-run')) {
    const others = args.filter((argument) => !OWN.has(argument));
    const unkept = others.find((argument) => UNKEPT.has(argument));
    if (unkept !== undefined) {
      console.error(
        `${unkept} keeps no results, so there would be nothing to compare: leave it out, or choose some with --only`,
      );
      return 2;
    }
    const run = join(ROOT, 'bench', 'run.ts');
    const { status } = spawnSync(process.execPath, [run, ...others], { stdio: 'inherit' });
    if (status !== 0) {
      console.error('the benchmark itself failed, see above: nothing was compared');
      return 1;
    }
  }
  const { lines, code } = verdictOf(keptResults(RELEASED), keptResults(LATEST));
  for (const line of lines) console.log(line);
  return code;
}
