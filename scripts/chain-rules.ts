/** What is accepted of packages, and why. */

/** Licences of production packages, by their SPDX names: all of them allow what Apache-2.0 allows. */
export const LICENCES: Readonly<Record<string, string>> = {
  MIT: 'keep the notice',
  ISC: 'keep the notice',
  'Apache-2.0': 'our own',
  'BSD-2-Clause': 'keep the notice',
  'BSD-3-Clause': 'keep the notice, and no endorsement',
  '0BSD': 'asks for nothing',
  'BlueOak-1.0.0': 'keep the notice',
};

/** Where the package does not name its licence as SPDX does: what stands in its file. */
export const LICENCES_BY_HAND: Readonly<Record<string, { licence: string; why: string }>> = {
  '@elastic/ecs': { licence: 'Apache-2.0', why: 'LICENSE.txt in the package is the text of Apache-2.0' },
};

/** Vulnerabilities that are known and do no harm here, each until a day on which somebody looks again. */
export const ACCEPTED: readonly { name: string; until: string; why: string }[] = [];
