import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';

/** The authorities that Node trusts, and those of the PEM file. Throws like `readFileSync`. */
export function authoritiesWith(caFile: string): string[] {
  return [...getCACertificates('default'), readFileSync(caFile, 'utf8')];
}
