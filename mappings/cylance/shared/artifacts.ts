/**
 * The artifacts of a detection: what was there (`AssociatedArtifacts`) and which part each played
 * (`ArtifactsOfInterest`). The guide calls both dynamic objects; the forms accepted here are those of public clients
 * and pasted replies: flat, nested under the type's name, or below `Properties`.
 */
import { memberOrder } from '../../../src/index.ts';
import { type Fields, isRecord, listOf, MOST_ITEMS, parsed, reader, text } from '../../ecs.ts';
import { pick } from '../../ecs-document.ts';
import { merged } from './base.ts';
import { type Facts, factsOf, fold, type Head, headOf, type Kind, kindOf } from './facts.ts';

export interface Artifact {
  uid: string | undefined;
  /** The vendor's word for its kind. */
  type: string | undefined;
  kind: Kind | undefined;
  facts: Facts;
  /** Its members as they came, nesting taken away; one that this would overwrite has a name of its own. */
  members: Fields;
}

/** An object that holds an artifact under its type's name has little else. */
const MAX_WRAPPER_MEMBERS = 4;

/** `expected` is the kind of an artifact that does not name its own. */
function artifactOf(given: unknown, expected?: Kind): Artifact | undefined {
  const value = parsed(given);
  if (value === undefined) return undefined;
  const outer = headOf(value);
  const written = text(outer.Type);
  const inner = wrapped(value, outer, written);
  let members = value;
  let type = written;
  if (inner !== undefined) {
    const { [inner.member]: _nested, ...rest } = value;
    members = merged(rest, inner.content);
    type ??= text(headOf(members).Type) ?? inner.type;
  }
  const kind = type === undefined ? expected : kindOf(type);
  const facts = factsOf(kind, members);
  return { uid: text(facts.Uid), type, kind, facts, members };
}

function wrapped(
  value: Fields,
  outer: Head,
  type: string | undefined,
): { member: string; content: Fields; type?: string } | undefined {
  if (type !== undefined) {
    const content = value[type];
    if (isRecord(content)) return { member: type, content };
  }
  if (isRecord(outer.Properties)) {
    for (const member in value) if (value[member] === outer.Properties) return { member, content: outer.Properties };
  }
  const names = Object.keys(value);
  if (names.length > MAX_WRAPPER_MEMBERS) return undefined;
  for (const member of names) {
    const content = value[member];
    if (!isRecord(content)) continue;
    const kind = kindOf(member);
    if (kind !== undefined && (type === undefined || kindOf(type) === kind)) return { member, content, type: member };
  }
  return undefined;
}

export interface Interest {
  state: string;
  source: string | undefined;
  uid: string | undefined;
  type: string | undefined;
}

export interface Roles {
  artifacts: Artifact[];
  /** How many there were before the bound. */
  count: number;
  /** There were more than could be looked at. */
  hasMore: boolean;
  /** Values among the artifacts that are none. */
  skipped: unknown[];
  interests: Interest[];
  /** How many there were before the bound. */
  interestCount: number;
  /** There were more than could be looked at. */
  isCut: boolean;
  /** Parts of artifacts of interest that the guide does not know. */
  remarks: unknown[];
  byUid: ReadonlyMap<string, Artifact>;
  /** By folded role (`targetfile`), of one state: actor and target of a document belong together. */
  byRole: ReadonlyMap<string, Artifact>;
  /** Artifacts that played a part in other states alone: they are no targets of this state's actor. */
  elsewhere: ReadonlySet<Artifact>;
}

/** States name the same artifacts again. */
export const MAX_INTERESTS = 2000;
/** So many items are looked at, with those that name nothing: there may be hundreds of thousands. */
const MOST_LOOKED_AT = 2 * MAX_INTERESTS;

const interestOf = reader({ Source: ['Role'], Artifact: [], Uid: [], Type: ['ObjectType'] });
const referenceOf = reader({ Uid: ['UniqueId'], Type: ['ObjectType'] });

/**
 * The artifacts of a detection, each with the part that it played. Where the rule points at none, `involved` names the
 * parts (`InstigatingProcess: { Uid, Type }`).
 */
export function rolesOf(associated: unknown, ofInterest: unknown, involved?: unknown): Roles {
  const artifacts: Artifact[] = [];
  const skipped: unknown[] = [];
  const byUid = new Map<string, Artifact>();
  let hasMore = false;
  const given = isRecord(associated) && !isAlone(associated) ? named(associated, skipped) : listOf(associated);
  for (const item of given) {
    hasMore = artifacts.length >= MOST_ITEMS || artifacts.length + skipped.length >= MOST_LOOKED_AT;
    if (hasMore) break;
    const artifact = artifactOf(item);
    if (artifact === undefined) skipped.push(item);
    if (artifact === undefined || Object.keys(artifact.members).length === 0) continue;
    artifacts.push(artifact);
    if (artifact.uid !== undefined && !byUid.has(artifact.uid)) byUid.set(artifact.uid, artifact);
  }
  const { interests, interestCount, isCut, remarks } = interestsOf(ofInterest);
  const byRole = new Map<string, Artifact>();
  // The first state that names an actor, else the first one.
  const acting = interests.find(({ source }) => source !== undefined && roleOf(source) === 'instigatingprocess');
  const told = (acting ?? interests[0])?.state;
  for (const interest of interests) {
    if (interest.source === undefined || interest.state !== told) continue;
    const role = roleOf(interest.source);
    if (byRole.has(role)) continue;
    const known = interest.uid === undefined ? undefined : byUid.get(interest.uid);
    const artifact = known ?? bare(interest);
    if (artifact !== undefined) byRole.set(role, artifact);
  }
  if (interests.length === 0 && isRecord(involved)) putInvolved(involved, byUid, byRole);
  const elsewhere = new Set<Artifact>();
  for (const { state, uid } of interests) {
    const artifact = uid === undefined ? undefined : byUid.get(uid);
    if (artifact === undefined) continue;
    if (state === told) elsewhere.delete(artifact);
    else if (![...byRole.values()].includes(artifact)) elsewhere.add(artifact);
  }
  return {
    artifacts,
    count: given.length,
    hasMore,
    skipped,
    interests,
    interestCount,
    isCut,
    remarks,
    byUid,
    byRole,
    elsewhere,
  };
}

function putInvolved(involved: Fields, byUid: ReadonlyMap<string, Artifact>, byRole: Map<string, Artifact>): void {
  for (const [name, reference] of Object.entries(involved)) {
    if (!isRecord(reference)) continue;
    const uid = text(referenceOf(reference).Uid);
    const artifact = uid === undefined ? undefined : byUid.get(uid);
    if (artifact !== undefined && !byRole.has(roleOf(name))) byRole.set(roleOf(name), artifact);
  }
}

/** One artifact without a list around it, and no map of several. */
function isAlone(associated: Fields): boolean {
  const { Uid, Type, Properties } = headOf(associated);
  return (Uid ?? Type ?? Properties) !== undefined;
}

/** The artifacts of a map, by kind (`Process: [ … ]`) or by id: the name of each is part of what it says. */
function named(map: Fields, skipped: unknown[]): unknown[] {
  return Object.entries(map).flatMap(([name, content]) => {
    const kind = kindOf(name);
    const items = listOf(content).map((item) => {
      if (!isRecord(item)) return item;
      const { Uid, Type } = headOf(item);
      if (kind !== undefined && Type === undefined) return { ...item, Type: name };
      return kind === undefined && Uid === undefined && isRecord(content) ? { ...item, Uid: name } : item;
    });
    const isTold = items.some((item) => {
      const { Uid, Type } = headOf(item);
      return kind === undefined ? text(Uid) === name : kindOf(text(Type) ?? '') === kind;
    });
    if (items.length > 0 && !isTold) skipped.push(name);
    return items;
  });
}

/** An artifact that is only referred to still has its id. */
function bare(interest: Interest): Artifact | undefined {
  const { uid, type } = interest;
  if (uid === undefined) return undefined;
  return { uid, type, kind: type === undefined ? undefined : kindOf(type), facts: { Uid: uid }, members: {} };
}

const spelledRoles = new Map<string, string>();

function roleOf(source: string): string {
  let role = spelledRoles.get(source);
  if (role === undefined) {
    role = fold(source);
    if (spelledRoles.size < 500 && source.length < 100) spelledRoles.set(source, role);
  }
  return role;
}

/** State by state, the first in the text of the reply first: their names say nothing about it. */
function interestsOf(ofInterest: unknown): Pick<Roles, 'interests' | 'interestCount' | 'isCut' | 'remarks'> {
  const interests: Interest[] = [];
  const remarks: unknown[] = [];
  let interestCount = 0;
  let isCut = false;
  for (const state of isRecord(ofInterest) ? memberOrder(ofInterest) : []) {
    for (const item of listOf((ofInterest as Fields)[state])) {
      interestCount++;
      if (interests.length >= MAX_INTERESTS || interests.length + remarks.length >= MOST_LOOKED_AT) {
        isCut = true;
        continue;
      }
      const entry = interestOf(item);
      const [artifact, ...left] = listOf(entry.Artifact);
      const reference = referenceOf(artifact);
      const source = firstText([entry.Source], left);
      const uid = firstText([isRecord(artifact) ? reference.Uid : artifact, entry.Uid], left);
      const type = firstText([reference.Type, entry.Type], left);
      if (source === undefined && uid === undefined) {
        remarks.push({ [state]: item });
        continue;
      }
      interests.push({ state, source, uid, type });
      if (isRecord(item) && entry.others !== undefined) remarks.push(pick(item, entry.others));
      if (isRecord(artifact) && reference.others !== undefined) remarks.push(pick(artifact, reference.others));
      remarks.push(...left);
    }
  }
  return { interests, interestCount, isCut, remarks };
}

/** The first text of several values, each of which may be a list; `left` takes what else they say. */
function firstText(values: readonly unknown[], left: unknown[]): string | undefined {
  let found: string | undefined;
  for (const value of values.flatMap(listOf)) {
    const content = text(value);
    found ??= content;
    if (content === undefined || content !== found) left.push(value);
  }
  return found;
}

/** What a member such as `PrimaryImage` points at: by its Uid, or written out in place, where it need not name its kind. */
export function follow(roles: Roles, kind: Kind, reference: unknown, uidBeside?: unknown): Artifact | undefined {
  if (reference === undefined && uidBeside === undefined) return undefined;
  const uid = uidIn(reference, uidBeside);
  const known = uid === undefined ? undefined : roles.byUid.get(uid);
  if (known !== undefined) return known;
  return isRecord(reference) ? artifactOf(reference, kind) : undefined;
}

/** Nearly all references say their `Uid` under this very name, which no other spelling outdoes. */
function uidIn(reference: unknown, uidBeside: unknown): string | undefined {
  if (!isRecord(reference)) return text(uidBeside) ?? (typeof reference === 'string' ? text(reference) : undefined);
  const written = typeof reference.Uid === 'string' ? text(reference.Uid) : undefined;
  return written ?? text(referenceOf(reference).Uid ?? uidBeside);
}

/** The only artifact of a kind, for detections whose rule names no artifact of interest. */
export function onlyOne(roles: Roles, kind: Kind, without?: ReadonlySet<Artifact>): Artifact | undefined {
  let found: Artifact | undefined;
  for (const artifact of roles.artifacts) {
    if (artifact.kind !== kind || without?.has(artifact) || roles.elsewhere.has(artifact)) continue;
    if (found !== undefined) return undefined;
    found = artifact;
  }
  return found;
}
