/**
 * The contract of a connector outside: `import { mappingChecks, vendorChecks } from 'sluice/testing'`. Each check has a
 * name and throws when it fails, so that any test runner can run it: `for (const { name, run } of checks) test(name, run)`.
 */

export { loadVendor } from '../src/config/outside.ts';
export type { Check } from './check.ts';
export { type Fixture, mappingChecks } from './mapping.ts';
export { type Recorded, type VendorCase, vendorChecks } from './vendor.ts';
