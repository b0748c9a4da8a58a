/** Who acted in a detection, and upon what: the roles of its artifacts. */
import type { EcsDocument } from '../../../src/index.ts';
import { type Fields, filled, isEmpty, isRecord, put, type Unfit } from '../../ecs.ts';
import type { Draft } from '../../ecs-frame.ts';
import { type Artifact, onlyOne, type Roles } from '../shared/artifacts.ts';
import { connectionAt } from '../shared/connections.ts';
import {
  fileAt,
  imageOf,
  parentAt,
  placeAt,
  processAt,
  putOwner,
  questionOf,
  registryAt,
  type User,
  userAt,
  userOf,
} from '../shared/places.ts';

const PROCESS = placeAt('process', 'user');
const PARENT = placeAt('process.parent');
const TARGET = placeAt('cylance.detection.target_process');
const TARGET_PARENT = placeAt('cylance.detection.target_process.parent');
const FILE = placeAt('file');
const DLL = placeAt('dll');
const TARGET_USER = placeAt('user.target', 'user.target');

/** The instigating process and its owner; the target process where there is no other. */
export function actor({ document, own, unfit }: Draft, roles: Roles): void {
  const instigating = roles.byRole.get('instigatingprocess');
  const target = roles.byRole.get('targetprocess');
  const main = instigating ?? target ?? onlyOne(roles, 'process');
  const role = instigating !== undefined ? 'instigating' : 'target';
  if (main !== undefined) {
    const image = roles.byRole.get(`${role}processimagefile`);
    const process = processAt(unfit, PROCESS, roles, main, image);
    put(process, 'parent', parentAt(unfit, PARENT, roles, main.facts));
    put(document, 'process', filled(process));
    if (!isEmpty(process)) own.process_role = main === instigating || main === target ? role : 'only';
    addCategory(document, 'process');
  }
  const owner = roles.byRole.get(`${role}processowner`);
  const user =
    main === undefined
      ? owner === undefined
        ? undefined
        : userOf(unfit, PROCESS, owner.facts)
      : ownerOf(unfit, PROCESS, roles, main, owner);
  if (user !== undefined) document.user = user;
  if (isRecord(document.process)) putOwner(document.process, user);
  if (instigating !== undefined && target !== undefined && target !== instigating)
    put(own, 'target_process', targetProcess(unfit, roles, target));
}

function ownerOf(
  unfit: Unfit,
  at: typeof PROCESS,
  roles: Roles,
  process: Artifact,
  role: Artifact | undefined,
): User | undefined {
  return userAt(unfit, at, roles, process.facts.Owner, process.facts.OwnerUid, role);
}

function targetProcess(unfit: Unfit, roles: Roles, target: Artifact): Fields | undefined {
  const process = processAt(unfit, TARGET, roles, target, roles.byRole.get('targetprocessimagefile'));
  put(process, 'parent', parentAt(unfit, TARGET_PARENT, roles, target.facts));
  put(process, 'user', ownerOf(unfit, TARGET, roles, target, roles.byRole.get('targetprocessowner')));
  return filled(process);
}

/** The artifacts that the actor acted upon. Where a rule does not name one, it is the only artifact of its kind. */
export function targets({ document, unfit, related }: Draft, roles: Roles): void {
  const file = roles.byRole.get('targetfile') ?? onlyOne(roles, 'file', images(roles));
  if (file !== undefined) {
    put(document, 'file', filled(fileAt(unfit, FILE, roles, file, false)));
    addCategory(document, 'file');
  }
  const module = roles.byRole.get('targetmodule') ?? roles.byRole.get('targetimage') ?? onlyOne(roles, 'module');
  if (module !== undefined) put(document, 'dll', filled(fileAt(unfit, DLL, roles, module, true)));
  const registry =
    roles.byRole.get('targetregistrykey') ?? roles.byRole.get('targetregistry') ?? onlyOne(roles, 'registry');
  if (registry !== undefined) {
    put(document, 'registry', filled(registryAt(unfit, registry)));
    // Optics watches what is written to the registry; `registry` goes with no weaker type than this.
    addCategory(document, 'registry', 'change');
  }
  const connection =
    roles.byRole.get('targetnetworkconnection') ?? roles.byRole.get('targetnetwork') ?? onlyOne(roles, 'network');
  if (connection !== undefined) {
    const { destination, source, network } = connectionAt(unfit, connection, related);
    put(document, 'destination', destination);
    put(document, 'source', source);
    put(document, 'network', network);
    addCategory(document, 'network', 'connection');
  }
  const user = roles.byRole.get('targetuser');
  if (user !== undefined) {
    const target = userOf(unfit, TARGET_USER, user.facts);
    if (target !== undefined) document.user = { ...(document.user as User | undefined), target };
  }
}

/** Files that are only there because a process or a role points at them. */
function images(roles: Roles): ReadonlySet<Artifact> {
  const found = new Set<Artifact>();
  for (const artifact of roles.artifacts) {
    if (artifact.kind !== 'process') continue;
    const image = imageOf(roles, artifact.facts);
    if (image !== undefined) found.add(image);
  }
  for (const [role, artifact] of roles.byRole) if (role.endsWith('imagefile')) found.add(artifact);
  return found;
}

function addCategory(document: EcsDocument, category: string, type?: string): void {
  const event = document.event as { category: string[]; type: string[] };
  event.category.push(category);
  if (type !== undefined) event.type.push(type);
}

/** The name that a DNS request asked for. */
export function question({ document, unfit }: Draft, roles: Roles): void {
  const asked = ['targetdnsrequest', 'targetdnsquery', 'targetdns']
    .map((role) => roles.byRole.get(role))
    .find((one) => one);
  const artifact = asked ?? onlyOne(roles, 'dns');
  if (artifact?.kind !== 'dns') return;
  const name = questionOf(unfit, artifact.facts);
  if (name !== undefined) document.dns = { question: { name } };
}

/** An artifact need not say that it is a user: then its role does. */
export function relateUsers({ document, own, related }: Draft): void {
  const user = document.user as (User & { target?: User }) | undefined;
  const target = own.target_process as { user?: User } | undefined;
  for (const one of [user, user?.target, target?.user]) if (one?.name !== undefined) related.user.push(one.name);
}
