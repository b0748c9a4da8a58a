/** `npm run sbom`: writes the bill of materials of what is shipped to `dist/sbom.cdx.json`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { billFaults } from './bill.ts';
import { facts, lock, makeBill, root } from './project.ts';

const bill = makeBill();
const faults = billFaults(bill, lock, facts.name);
for (const fault of faults) console.error(`sbom: ${fault}`);
if (faults.length > 0) process.exit(1);
mkdirSync(join(root, 'dist'), { recursive: true });
writeFileSync(join(root, 'dist/sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);
console.log(`dist/sbom.cdx.json lists ${bill.components.length} packages`);
