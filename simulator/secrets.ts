import { type Draws, drawsFor, SALT } from './hash.ts';

/**
 * Secrets that a test can search for in every output: `PLANTED-SECRET-<n>`, each unique in its detection. They stand
 * where a real tenant has real ones: arguments, URLs with credentials, headers in command lines, and the members
 * `password`, `download_url`, `downloadUrl`.
 */
export interface Secrets {
  /** A command line, with a secret argument added when planting. */
  commandLine(plain: string): string;
  /** Members that open doors, to be spread into an object; empty when not planting. */
  members(): Record<string, string>;
}

const FORMS: ((secret: string) => string)[] = [
  (secret) => ` --password=${secret}`,
  (secret) => ` --password ${secret}`,
  (secret) => ` -p ${secret}`,
  (secret) => ` https://backup:${secret}@files.example.test/drop`,
  (secret) => ` ftp://user:${secret}@10.0.0.9/in/ --verbose`,
  (secret) => ` -H "Authorization: Bearer ${secret}" https://api.example.test/v1`,
  (secret) => ` --password "${secret}" --force`,
];

const MEMBERS: ((secret: string) => Record<string, string>)[] = [
  (secret) => ({ password: secret }),
  (secret) => ({ download_url: `https://downloads.example.test/get?key=${secret}` }),
  (secret) => ({ downloadUrl: `https://downloads.example.test/get/${secret}` }),
  (secret) => ({ Authorization: `Bearer ${secret}` }),
];

const NONE: Secrets = { commandLine: (plain) => plain, members: () => ({}) };

/** `part` tells the places of one detection apart that draw on their own, such as its responses. */
export function secretsFor(seed: number, serial: number, plant: boolean, part = 0): Secrets {
  if (!plant) return NONE;
  const draws: Draws = drawsFor(seed, serial, SALT.secret + 1000 * part);
  let count = part * 20;
  const secret = () => `PLANTED-SECRET-${serial * 1000 + count++}`;
  return {
    commandLine: (plain) => plain + draws.pick(FORMS)(secret()),
    members: () => draws.pick(MEMBERS)(secret()),
  };
}
