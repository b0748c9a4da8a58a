/** The licences of what is shipped. */
import parse from 'spdx-expression-parse';
import type { LicenceText } from './accepted.ts';
import { type Lockfile, type Package, productionOf } from './lockfile.ts';

export interface LicenceRules {
  allowed: Readonly<Record<string, string>>;
  texts: readonly LicenceText[];
}

/** What is installed, as the checks need to see it. */
export interface Installed {
  /** The licence in the package's own package.json. */
  licenceOf(path: string): string | undefined;
  /** The SHA-256 of one of its files; undefined where it is not there. */
  sha256Of(path: string, file: string): string | undefined;
}

/** Whether an expression can be kept with the licences that are allowed; throws where it is none. */
export function isAllowed(expression: string, allowed: Readonly<Record<string, string>>): boolean {
  const holds = (node: parse.Info): boolean => {
    if ('conjunction' in node) {
      return node.conjunction === 'and' ? holds(node.left) && holds(node.right) : holds(node.left) || holds(node.right);
    }
    const name = `${node.license}${node.plus ? '+' : ''}`;
    return Object.hasOwn(allowed, node.exception === undefined ? name : `${name} WITH ${node.exception}`);
  };
  return holds(parse(expression));
}

/** The licence that a package says it has, or that was read in the file it names. */
export function licenceOf(one: Package, texts: readonly LicenceText[], installed: Installed): string | undefined {
  const declared = one.license ?? installed.licenceOf(one.path);
  const text = texts.find((candidate) => candidate.package === one.name && candidate.declared === declared);
  return text !== undefined && installed.sha256Of(one.path, text.file) === text.sha256 ? text.licence : declared;
}

/** Every shipped package whose licence is missing, unknown or not allowed; entries of the rules that nobody needs. */
export function licenceFaults(lock: Lockfile, rules: LicenceRules, installed: Installed): string[] {
  const shipped = productionOf(lock);
  const declared = new Set(shipped.map((one) => `${one.name}: ${one.license ?? installed.licenceOf(one.path)}`));
  return [
    ...shipped.flatMap((one) => licenceFault(one, rules, installed)),
    ...rules.texts
      .filter((text) => !declared.has(`${text.package}: ${text.declared}`))
      .map((text) => `no shipped ${text.package} declares "${text.declared}": its licence text needs no entry`),
  ];
}

function licenceFault(one: Package, rules: LicenceRules, installed: Installed): string[] {
  const licence = licenceOf(one, rules.texts, installed);
  const name = `${one.name}@${one.version}`;
  if (licence === undefined) return [`${name} has no licence`];
  try {
    return isAllowed(licence, rules.allowed) ? [] : [`${name} has the licence ${licence}, which is not allowed`];
  } catch {
    return [`${name} has the licence "${licence}", which is no SPDX expression`];
  }
}
