/**
 * The artifacts in the result of a focus view. The guide says nothing of its content, so they are recognised wherever
 * they stand, by the forms that detections and InstaQueries use: with a `Type` and facts, or under the type's name.
 */
import { type Fields, isRecord, MOST_ITEMS, parsed, text } from '../../ecs.ts';
import { type Artifact, onlyOne, type Roles, rolesOf } from '../shared/artifacts.ts';
import { type Kind, kindOf } from '../shared/facts.ts';
import { imageOf, parentOf } from '../shared/places.ts';

const MAX_DEPTH = 8;
/** What names an artifact without describing it: a reference has no more. */
const NAMING: ReadonlySet<string> = new Set([
  'uid',
  'uniqueid',
  'type',
  'objecttype',
  'artifacttype',
  'source',
  'role',
]);
const TYPES: readonly string[] = ['type', 'artifacttype', 'objecttype'];

/** All artifacts of the content; the content itself comes first when it is one. */
export function findArtifacts(content: unknown): Roles {
  const found: Fields[] = [];
  let count = 0;
  const look = (value: unknown, name: string, depth: number): void => {
    if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
    if (Array.isArray(value)) {
      for (const item of value) look(item, name, depth + 1);
      return;
    }
    const artifact = asArtifact(value as Fields, name);
    if (artifact !== undefined && ++count <= MOST_ITEMS) found.push(artifact);
    const members = artifact ?? (value as Fields);
    // In order, so that the order of a reply's members never decides which of two comes first.
    for (const member of Object.keys(members).sort()) {
      const isItself = artifact !== undefined && isWrapper(artifact, member);
      if (isItself) lookInside(members[member], depth + 1);
      else look(members[member], member, depth + 1);
    }
  };
  const lookInside = (value: unknown, depth: number): void => {
    if (!isRecord(value)) return;
    for (const member of Object.keys(value).sort()) look(value[member], member, depth + 1);
  };
  look(content, '', 0);
  return { ...rolesOf(found, undefined), count };
}

/** Lists of artifacts are named in the plural: `Processes`, `Files`, `RegistryKeys`. */
function singular(name: string): string {
  return name.endsWith('sses')
    ? name.slice(0, -2)
    : name.endsWith('s') && !name.endsWith('ss')
      ? name.slice(0, -1)
      : name;
}

function typeOf(value: Fields): string | undefined {
  for (const member of Object.keys(value).sort()) {
    if (TYPES.includes(member.toLowerCase())) {
      const type = text(value[member]);
      if (type !== undefined && kindOf(type) !== undefined) return type;
    }
  }
  return undefined;
}

/** Undefined for an object that is no artifact, or only refers to one. `Properties` may be JSON in a text. */
function asArtifact(value: Fields, name: string): Fields | undefined {
  const isDescribed = Object.keys(value).some((member) => !NAMING.has(member.toLowerCase()));
  const Type = typeOf(value) ?? typeByName(value, name);
  if (!isDescribed || Type === undefined) return undefined;
  const opened = Object.entries(value).map(([member, inner]) =>
    isFacts(member) ? ([member, parsed(inner) ?? inner] as const) : ([member, inner] as const),
  );
  return { ...Object.fromEntries(opened), Type };
}

/** Not that of an object which holds an artifact below a name of its own: `Processes: [{ Process: { … } }]`. */
function typeByName(value: Fields, name: string): string | undefined {
  const type = singular(name);
  if (kindOf(type) === undefined) return undefined;
  const holdsOne = Object.keys(value).some((member) => isRecord(value[member]) && kindOf(member) === kindOf(type));
  return holdsOne ? undefined : type;
}

function isFacts(member: string): boolean {
  return member.toLowerCase() === 'properties' || member.toLowerCase() === 'facets';
}

/** The member that holds an artifact's own facts: `Properties`, or one of the type's name. */
function isWrapper(artifact: Fields, member: string): boolean {
  return isFacts(member) || member.toLowerCase() === String(artifact.Type).toLowerCase();
}

/** Whether the content is one artifact, and not a trail with several. */
export function isArtifact(content: unknown): boolean {
  return isRecord(content) && asArtifact(content, '') !== undefined;
}

/** The artifact that the focus view was asked for, or the only one of the kind that it names. */
export function subjectOf(roles: Roles, content: unknown, uid: string | undefined, type: string | undefined) {
  if (isArtifact(content)) return roles.artifacts[0];
  const named = uid === undefined ? undefined : roles.byUid.get(uid);
  if (named?.kind !== undefined) return named;
  const kind = type === undefined ? undefined : kindOf(type);
  return kind === undefined ? undefined : onlyOne(roles, kind);
}

const BESIDE: readonly Kind[] = ['process', 'file', 'network', 'registry'];

/**
 * The actor or the target beside the subject, for an event that names one of each. Where there are two of a kind nobody
 * knows which belongs to which, and there are none. Images and parents of processes are parts of them.
 */
export function companionsOf(roles: Roles, subject: Artifact | undefined): Artifact[] {
  const taken = new Set<Artifact | undefined>([subject]);
  for (const { kind, facts } of roles.artifacts) {
    if (kind !== 'process') continue;
    taken.add(imageOf(roles, facts));
    taken.add(parentOf(roles, facts));
  }
  const found = roles.artifacts.filter((one) => !taken.has(one) && one.kind !== undefined && BESIDE.includes(one.kind));
  const kinds = [subject?.kind, ...found.map(({ kind }) => kind)].filter((kind) => kind !== undefined);
  return new Set(kinds).size === kinds.length ? found : [];
}
