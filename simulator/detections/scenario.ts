import {
  type Artifact,
  connection,
  file,
  type Json,
  process,
  refer,
  registryKey,
  type Scene,
  thread,
  user,
} from '../artifacts.ts';
import type { Scenario } from '../rules.ts';

/** All artifacts of a detection, by their roles. */
export interface Roles {
  all: Artifact[];
  named: [source: string, artifact: Artifact][];
}

const DOCUMENTS = ['Rechnung März.docm', 'notes.txt', 'budget, final: v2.xlsx', '報告書.pdf', 'vssadmin.log'];

type Target = (scene: Scene, actor: Artifact, owner: Artifact) => Roles;

function targetProcess(scene: Scene, actor: Artifact, owner: Artifact): Roles {
  const image = file(scene, owner);
  const started = process(scene, image, owner, actor);
  return {
    all: [image, started],
    named: [
      ['Target Process', started],
      ['Target Process Image File', image],
      ['Target Process Owner', owner],
    ],
  };
}

function single(source: string, make: (scene: Scene, actor: Artifact, owner: Artifact) => Artifact): Target {
  return (scene, actor, owner) => {
    const made = make(scene, actor, owner);
    return { all: [made], named: [[source, made]] };
  };
}

function injection(scene: Scene, actor: Artifact, owner: Artifact): Roles {
  const victim = targetProcess(scene, actor, owner);
  const created = thread(scene, victim.all[1] ?? actor);
  return { all: [...victim.all, created], named: [...victim.named, ['Target Thread', created]] };
}

const TARGETS: Record<Scenario, Target> = {
  process: targetProcess,
  file: single('Target File', (scene, _actor, owner) => file(scene, owner, scene.draws.pick(DOCUMENTS))),
  registry: single('Target Registry Key', (scene) => registryKey(scene)),
  network: single('Target Network Connection', (scene) => connection(scene)),
  logon: single('Target User', (scene) => user(scene)),
  injection,
};

export function rolesOf(scene: Scene, scenario: Scenario): Roles {
  const owner = user(scene);
  const image = file(scene, owner);
  const parentImage = file(scene, owner);
  const parent = process(scene, parentImage, owner);
  const actor = process(scene, image, owner, parent);
  const target = TARGETS[scenario](scene, actor, scene.draws.chance(0.7) ? owner : user(scene));
  const named: Roles['named'] = [
    ['Instigating Process', actor],
    ['Instigating Process Image File', image],
    ['Instigating Process Owner', owner],
    ...target.named,
  ];
  const known = new Set<Artifact>([actor, image, owner, parent, parentImage, ...target.all]);
  for (const [, played] of named) known.add(played);
  // A parent that is only referred to: the agent never saw it start.
  if (scene.draws.chance(0.25)) {
    known.delete(parent);
    known.delete(parentImage);
  }
  return { all: [...known], named };
}

/** Flat, or nested under the type's name: both are seen, and one detection keeps to one of them. */
export function writeArtifacts(all: Artifact[], style: number): Json[] {
  return all.map(({ Uid, Type, facts }) => {
    if (style < 75) return { Uid, Type, ...facts };
    if (style < 88) return { Uid, Type, [Type]: facts };
    return { [Type]: { Uid, ObjectType: Type, ...facts } };
  });
}

export function writeInterest(roles: Roles['named'], states: string[]): Json {
  const result: Json = {};
  states.forEach((state, index) => {
    const part = index === 0 ? roles : roles.filter(([source]) => source.startsWith('Target'));
    result[state] = part.map(([Source, played]) => ({ Source, Artifact: refer(played) }));
  });
  return result;
}

export function writeInvolved(roles: Roles['named']): Json {
  return Object.fromEntries(roles.map(([source, played]) => [source.replaceAll(' ', ''), refer(played)]));
}
