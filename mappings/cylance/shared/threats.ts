/** `threat.*`: the tactics and techniques that the vendor names, and files that are threats. */
import { type EcsField, type Fields, listOf, put } from '../../ecs.ts';
import { below } from '../../ecs-frame.ts';

export const ATTACK: readonly EcsField[] = below('threat', [
  'framework',
  ...(['tactic.id', 'tactic.name', 'tactic.reference'] as const),
  ...(['technique.id', 'technique.subtechnique.id'] as const),
]);

const TECHNIQUE = /\b(T[01]\d{3})(\.\d{3})?\b/g;

/** The tactics of ATT&CK for enterprises by their names, without blanks. */
const TACTICS: ReadonlyMap<string, readonly [id: string, name: string]> = new Map(
  (
    [
      ['TA0001', 'Initial Access'],
      ['TA0002', 'Execution'],
      ['TA0003', 'Persistence'],
      ['TA0004', 'Privilege Escalation'],
      ['TA0005', 'Defense Evasion'],
      ['TA0006', 'Credential Access'],
      ['TA0007', 'Discovery'],
      ['TA0008', 'Lateral Movement'],
      ['TA0009', 'Collection'],
      ['TA0010', 'Exfiltration'],
      ['TA0011', 'Command and Control'],
      ['TA0040', 'Impact'],
      ['TA0042', 'Resource Development'],
      ['TA0043', 'Reconnaissance'],
    ] as const
  ).map((tactic) => [foldedTactic(tactic[1]), tactic]),
);

/** A word as long as no tactic's name is none. */
const LONGEST_TACTIC = 40;

function foldedTactic(word: string): string {
  return word
    .toLowerCase()
    .replaceAll('&', 'and')
    .replace(/[^a-z]/g, '');
}

/** What a rule says itself; nothing is inferred from its name. */
interface Said {
  /** Texts that may hold ids of techniques. */
  texts: readonly unknown[];
  /** Words that may be a tactic: the rule's category, its tags. */
  words: readonly unknown[];
}

export function attackOf({ texts, words }: Said): Fields | undefined {
  const tactic = tacticsOf(words);
  const technique = techniquesOf(texts);
  if (tactic === undefined && technique === undefined) return undefined;
  const threat: Fields = { framework: 'MITRE ATT&CK' };
  put(threat, 'tactic', tactic);
  put(threat, 'technique', technique);
  return threat;
}

/** The vendor's word stays where it stands; here it is spelled as ATT&CK does. */
function tacticsOf(words: readonly unknown[]): Fields | undefined {
  const found = new Map<string, string>();
  for (const word of words.flatMap(listOf)) {
    if (typeof word !== 'string' || word.length > LONGEST_TACTIC) continue;
    const [id, name] = TACTICS.get(foldedTactic(word)) ?? [];
    if (id !== undefined && name !== undefined) found.set(id, name);
  }
  if (found.size === 0) return undefined;
  const ids = [...found.keys()].sort();
  return {
    id: ids,
    name: ids.map((id) => found.get(id)),
    reference: ids.map((id) => `https://attack.mitre.org/tactics/${id}/`),
  };
}

/** Only ids that the vendor wrote down. */
function techniquesOf(texts: readonly unknown[]): Fields | undefined {
  const ids = new Set<string>();
  const parts = new Set<string>();
  for (const item of texts) {
    if (typeof item !== 'string' || !(item.includes('T1') || item.includes('T0'))) continue;
    for (const [whole, technique, part] of item.slice(0, 10_000).matchAll(TECHNIQUE)) {
      ids.add(technique as string);
      if (part !== undefined) parts.add(whole);
    }
  }
  if (ids.size === 0) return undefined;
  const technique: Fields = { id: [...ids].sort() };
  if (parts.size > 0) technique.subtechnique = { id: [...parts].sort() };
  return technique;
}

const OF_FILE = ['name', 'path', 'size'] as const;
const HASHES = ['md5', 'sha256'] as const;

export const INDICATOR: readonly EcsField[] = below('threat.indicator', [
  ...(['type', 'name', 'provider', 'description', 'last_seen'] as const),
  ...(['file.name', 'file.path', 'file.size', 'file.hash.md5', 'file.hash.sha256'] as const),
]);

interface Judged {
  provider: string;
  /** What kind of threat it is. */
  classes: readonly unknown[];
  lastSeen: unknown;
}

/** A file that is a threat, as an indicator to look for elsewhere. The file stays where it was found: in `file.*`. */
export function indicatorOf(file: Fields | undefined, { provider, classes, lastSeen }: Judged): Fields | undefined {
  if (file === undefined) return undefined;
  const found: Fields = {};
  for (const name of OF_FILE) put(found, name, file[name]);
  const given = (file.hash ?? {}) as Fields;
  const hash: Fields = {};
  for (const kind of HASHES) put(hash, kind, given[kind]);
  if (Object.keys(hash).length > 0) found.hash = hash;
  const indicator: Fields = { type: 'file', provider, file: found };
  put(indicator, 'name', hash.sha256 ?? hash.md5 ?? found.path ?? found.name);
  const kinds = classes.filter((one) => typeof one === 'string');
  if (kinds.length > 0) indicator.description = kinds.join(' - ');
  put(indicator, 'last_seen', lastSeen);
  return { indicator };
}
