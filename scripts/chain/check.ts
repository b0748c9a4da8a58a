/**
 * `npm run check:chain`: what is shipped is known, licensed, pinned and free of secrets. It asks nobody; what only a
 * registry knows is `npm run check:vulnerabilities`.
 */
import { LICENCE_TEXTS, LICENCES, PLANTED } from './accepted.ts';
import { billFaults } from './bill.ts';
import { licenceFaults } from './licences.ts';
import { lockfileFaults, productionOf, scriptFaults } from './lockfile.ts';
import { facts, filesOfTree, installed, lock, makeBill, root, withScripts } from './project.ts';
import { secretFaults } from './secrets.ts';

const files = filesOfTree();
const faults = [
  ...lockfileFaults(lock),
  ...scriptFaults(lock, facts.allowScripts ?? {}, withScripts()),
  ...licenceFaults(lock, { allowed: LICENCES, texts: LICENCE_TEXTS }, installed),
  ...billFaults(makeBill(), lock, facts.name),
  ...(await secretFaults(root, files, PLANTED)),
];
for (const fault of faults) console.error(`chain: ${fault}`);
if (faults.length > 0) process.exit(1);
console.log(
  `${productionOf(lock).length} shipped packages are licensed, pinned and billed; ${files.length} files hold no secret`,
);
