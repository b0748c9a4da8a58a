/**
 * `npm run check:vulnerabilities`: no grave vulnerability is known of what is shipped. A registry that does not tell is
 * no failure, and is said.
 */
import { spawnSync } from 'node:child_process';
import { ADVISORIES } from './accepted.ts';
import { productionOf } from './lockfile.ts';
import { lock, root } from './project.ts';
import { vulnerabilityFaults } from './vulnerabilities.ts';

const args = ['audit', '--omit', 'dev', '--json', '--fetch-retries=0', '--fetch-timeout=20000'];
const { stdout, error } = spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, timeout: 60_000 });
if (error !== undefined && !('code' in error && error.code === 'ETIMEDOUT')) throw error;
const faults = vulnerabilityFaults(stdout ?? '', ADVISORIES, new Date().toISOString().slice(0, 10));
if (faults === undefined) {
  console.log('vulnerabilities not checked: the registry does not answer');
} else {
  for (const fault of faults) console.error(`vulnerabilities: ${fault}`);
  if (faults.length > 0) process.exit(1);
  console.log(`no grave vulnerability is known of ${productionOf(lock).length} shipped packages`);
}
