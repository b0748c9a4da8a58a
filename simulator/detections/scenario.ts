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

/** All artifacts of a detection and which part each plays. */
export interface Cast {
  all: Artifact[];
  roles: [source: string, artifact: Artifact][];
}

const DOCUMENTS = ['Rechnung März.docm', 'notes.txt', 'budget, final: v2.xlsx', '報告書.pdf', 'vssadmin.log'];

type Target = (scene: Scene, actor: Artifact, owner: Artifact) => Cast;

function targetProcess(scene: Scene, actor: Artifact, owner: Artifact): Cast {
  const image = file(scene, owner);
  const started = process(scene, image, owner, actor);
  return {
    all: [image, started],
    roles: [
      ['Target Process', started],
      ['Target Process Image File', image],
      ['Target Process Owner', owner],
    ],
  };
}

function single(source: string, make: (scene: Scene, actor: Artifact, owner: Artifact) => Artifact): Target {
  return (scene, actor, owner) => {
    const made = make(scene, actor, owner);
    return { all: [made], roles: [[source, made]] };
  };
}

function injection(scene: Scene, actor: Artifact, owner: Artifact): Cast {
  const victim = targetProcess(scene, actor, owner);
  const created = thread(scene, victim.all[1] ?? actor);
  return { all: [...victim.all, created], roles: [...victim.roles, ['Target Thread', created]] };
}

const TARGETS: Record<Scenario, Target> = {
  process: targetProcess,
  file: single('Target File', (scene, _actor, owner) => file(scene, owner, scene.draws.pick(DOCUMENTS))),
  registry: single('Target Registry Key', (scene) => registryKey(scene)),
  network: single('Target Network Connection', (scene) => connection(scene)),
  logon: single('Target User', (scene) => user(scene)),
  injection,
};

export function castOf(scene: Scene, scenario: Scenario): Cast {
  const owner = user(scene);
  const image = file(scene, owner);
  const parentImage = file(scene, owner);
  const parent = process(scene, parentImage, owner);
  const actor = process(scene, image, owner, parent);
  const target = TARGETS[scenario](scene, actor, scene.draws.chance(0.7) ? owner : user(scene));
  const roles: Cast['roles'] = [
    ['Instigating Process', actor],
    ['Instigating Process Image File', image],
    ['Instigating Process Owner', owner],
    ...target.roles,
  ];
  const known = new Set<Artifact>([actor, image, owner, parent, parentImage, ...target.all]);
  for (const [, played] of roles) known.add(played);
  // A parent that is only referred to, as when the agent never saw it start.
  if (scene.draws.chance(0.25)) {
    known.delete(parent);
    known.delete(parentImage);
  }
  return { all: [...known], roles };
}

/** Flat, or nested under the type's name: both are seen, and one detection keeps to one of them. */
export function writeArtifacts(all: Artifact[], style: number): Json[] {
  return all.map(({ Uid, Type, facts }) => {
    if (style < 75) return { Uid, Type, ...facts };
    if (style < 88) return { Uid, Type, [Type]: facts };
    return { [Type]: { Uid, ObjectType: Type, ...facts } };
  });
}

export function writeInterest(roles: Cast['roles'], states: string[]): Json {
  const result: Json = {};
  states.forEach((state, index) => {
    const part = index === 0 ? roles : roles.filter(([source]) => source.startsWith('Target'));
    result[state] = part.map(([Source, played]) => ({ Source, Artifact: refer(played) }));
  });
  return result;
}

export function writeInvolved(roles: Cast['roles']): Json {
  return Object.fromEntries(roles.map(([source, played]) => [source.replaceAll(' ', ''), refer(played)]));
}
