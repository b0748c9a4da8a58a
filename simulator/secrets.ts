import { type Draws, drawsFor, SALT } from './hash.ts';

/**
 * Secrets that a test can search for in every output: `PLANTED-SECRET-<n>`, each unique in its detection. They are in the
 * same places as real secrets: arguments, URLs with credentials, headers in command lines, and the members `password`,
 * `download_url`, `downloadUrl`.
 */
export interface Secrets {
  /** A command line, with a secret argument added when planting. */
  commandLine(plain: string): string;
  /** Members with secrets, to be spread into an object; empty when not planting. */
  members(): Record<string, string>;
  /** A word that is a secret by itself, such as a password; `plain` when not planting. */
  word(plain: string): string;
  /** An address, with credentials in it when planting. */
  url(place: string): string;
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

const NONE: Secrets = {
  commandLine: (plain) => plain,
  members: () => ({}),
  word: (plain) => plain,
  url: (place) => `https://${place}`,
};

/** The first serials of items other than detections, so that no two items share a secret. */
export const SECRET_BASE = {
  query: 200_000_000,
  artifact: 300_000_000,
  file: 400_000_000,
  listed: 500_000_000,
} as const;

/** The secrets of one item. `part` is for parts of a detection with secrets of their own, such as its responses. */
export function secretsFor(seed: number, serial: number, plant: boolean, part = 0): Secrets {
  if (!plant) return NONE;
  const draws: Draws = drawsFor(seed, serial, SALT.secret + 1000 * part);
  let count = part * 20;
  const secret = () => `PLANTED-SECRET-${serial * 1000 + count++}`;
  return {
    commandLine: (plain) => plain + draws.pick(FORMS)(secret()),
    members: () => draws.pick(MEMBERS)(secret()),
    word: () => secret(),
    url: (place) => `https://analyst:${secret()}@${place}`,
  };
}
