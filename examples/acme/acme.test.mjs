/** `node --test`: the checks that every connector of Sluice passes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadVendor, mappingChecks, vendorChecks } from 'sluice/testing';

const here = import.meta.dirname;
const module = join(here, 'acme.ts');
const checks = [
  ...mappingChecks(await loadVendor(module), 'acme.alarm', join(here, 'fixtures', 'alarm')),
  ...vendorChecks({
    module,
    source: { connector: 'acme', base_url: 'URL', token: '$' + '{ACME_TOKEN}' },
    secrets: { ACME_TOKEN: 'a-token-of-the-tests-0123456789' },
    recorded: JSON.parse(readFileSync(join(here, 'recorded.json'), 'utf8')),
    documents: 3,
  }),
];
for (const { name, run } of checks) test(name, run);
