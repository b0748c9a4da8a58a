/** What the checks of the supply chain let pass, and why. An exception that nothing needs any more is a fault as well. */

/** Licences that a package of ours may have, by their SPDX identifier (`X WITH Y` with an exception). */
export const LICENCES: Readonly<Record<string, string>> = {
  '0BSD': 'asks for nothing',
  'Apache-2.0': "the project's own licence",
  'BSD-3-Clause': 'permissive: its notice has to stay, which node_modules keeps',
  ISC: 'permissive: its notice has to stay, which node_modules keeps',
  MIT: 'permissive: its notice has to stay, which node_modules keeps',
};

export interface LicenceText {
  package: string;
  declared: string;
  /** The file in the package that it names, and the SHA-256 of what was read there. */
  file: string;
  sha256: string;
  licence: string;
  reason: string;
}

/** Packages that name a file in place of a licence: what was read in it. Another text has to be read again. */
export const LICENCE_TEXTS: readonly LicenceText[] = [
  {
    package: '@elastic/ecs',
    declared: 'SEE LICENSE IN LICENSE FILE',
    file: 'LICENSE',
    sha256: 'cf33c127d4eb955c866f077524f639ccfe55ba2a0d32652eeef75e8a0e65e772',
    licence: 'Apache-2.0',
    reason: 'the file is the unchanged text of the Apache License 2.0',
  },
];

export interface Planted {
  files: RegExp;
  /** All of what was found has to fit. */
  text: RegExp;
  reason: string;
}

/** Secrets that are none, and only where they belong. */
export const PLANTED: readonly Planted[] = [
  {
    files: /^test\/fixtures\/[^.]+\.input\.json$/,
    text: /^[a-z]+:\/\/[a-z]+:PLANTED-SECRET-\d+@[a-z\d.]+$/,
    reason: 'made up for the tests that no password of an address in a record reaches a document',
  },
];

export interface AcceptedAdvisory {
  /** The advisory's identifier, the last part of its address. */
  advisory: string;
  package: string;
  reason: string;
  /** The last day on which it is let pass, as `2026-01-31`. */
  until: string;
}

/** Known vulnerabilities of shipped packages that do not reach us. Each is looked at again in time. */
export const ADVISORIES: readonly AcceptedAdvisory[] = [];
