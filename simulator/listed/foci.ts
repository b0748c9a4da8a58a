import {
  type Artifact,
  connection,
  file,
  type Json,
  process,
  refer,
  registryKey,
  type Scene,
  user,
} from '../artifacts.ts';
import { detectionId, hex128 } from '../ids.ts';
import type { DeviceFacts } from '../names.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource, Part } from './resource.ts';

/** Focus views, and their results once they are available. The guide does not describe results: three forms are served. */

/** The statuses of a view, state by state. A state with the same status as the one before has one more relation. */
const WAYS: readonly (readonly string[])[] = [
  ...Array(8).fill(['AVAILABLE', 'AVAILABLE', 'AVAILABLE']),
  ['PENDING', 'AVAILABLE', 'AVAILABLE'],
  ['REQUEST', 'PENDING', 'AVAILABLE'],
  ['UNAVAILABLE', 'PENDING', 'AVAILABLE'],
  ['PENDING', 'UNAVAILABLE', 'RETRY_REQUEST'],
  ['PENDING', 'DOES_NOT_EXIST', 'DOES_NOT_EXIST'],
  ['RETRY_REQUEST', 'PENDING', 'UNKNOWN_DEVICE'],
];

const TYPES = ['Process', 'Process', 'Process', 'File', 'NetworkConnection', 'RegistryKey', 'Protect'];
const DESCRIPTIONS = ['', 'My Focus View Example', ' padded ', 'Откуда это', '資料の出所', 'Where "it" came from'];

function statusAt({ draws }: ItemState, step: number): string {
  return draws('course').pick(WAYS)[step] ?? 'AVAILABLE';
}

function deviceOf({ facts, draws }: ItemState): DeviceFacts {
  return draws('device').pick(facts.devices);
}

function relation({ facts, draws }: ItemState, nth: number): Json {
  const fixed = draws(`relation ${nth}`);
  const object = fixed.pick([
    `/survey/${hex128(fixed.next).toUpperCase()}`,
    `/focus/${hex128(fixed.next).toUpperCase()}`,
    `https://protectapi.cylance.com/detections/v2/${detectionId(facts.seed, fixed.below(1000))}`,
  ]);
  return {
    object: fixed.chance(0.2) ? ` ${object}` : object,
    relationship: fixed.pick(['origin-of ', 'originated-from']),
  };
}

/** Members of a view that are the same in all states, and that its results carry. */
function fixedMembers(state: ItemState): Json {
  const fixed = state.draws('item');
  const device = deviceOf(state);
  const type = fixed.pick(TYPES);
  return {
    device_id: device.opticsId,
    artifact_type: type,
    value: type === 'Protect' ? hex128(fixed.next) : trailOf(state).subject.Uid,
    threat_type: type === 'Protect' ? fixed.pick(['Malware', 'PUP']) : fixed.pick(['', null]),
    description: state.secrets('item').commandLine(fixed.pick(DESCRIPTIONS)),
    created_at: writeTime(state.time, fixed.next(), false),
    hostname: device.name,
  };
}

function item(state: ItemState): Json {
  const fixed = state.draws('more');
  const status = statusAt(state, state.step);
  const relations = fixed.below(2) + state.step;
  return {
    ...fixedMembers(state),
    artifact_subtype: 'Uid',
    id: state.id,
    tenant_id: state.facts.tenantId,
    status: state.facts.oddForms && fixed.chance(0.1) ? status.toLowerCase() : status,
    relations: Array.from({ length: relations }, (_, nth) => relation(state, nth)),
  };
}

interface Trail {
  all: Artifact[];
  subject: Artifact;
}

function trailOf(state: ItemState): Trail {
  const { facts, time, draws, secrets } = state;
  const scene: Scene = {
    draws: draws('trail'),
    device: deviceOf(state),
    users: facts.users,
    time,
    secrets: secrets('trail'),
    oddForms: facts.oddForms,
  };
  const owner = user(scene);
  const image = file(scene, owner);
  const parent = process(scene, file(scene, owner), owner);
  const subject = process(scene, image, owner, parent);
  const traces = Array.from({ length: scene.draws.below(4) }, () =>
    scene.draws.pick([() => file(scene, owner), () => registryKey(scene), () => connection(scene)])(),
  );
  return { all: [owner, image, parent, subject, ...traces], subject };
}

const flat = ({ Uid, Type, facts }: Artifact): Json => ({ Uid, Type, ...facts });

/** Entries of a result that is a list: in the form of InstaQueries, bare, or as events. One of them comes twice. */
function entriesOf(state: ItemState): Json[] {
  const fixed = state.draws('entries');
  const device = deviceOf(state);
  const { all, subject } = trailOf(state);
  const entries = all.map((artifact, nth) => {
    const seen = writeTime(state.time + nth * 1000, fixed.next(), false);
    const form = fixed.below(3);
    if (form === 0) return flat(artifact);
    if (form === 1) return { EventTime: seen, EventType: 'Trace', Process: flat(subject), Target: refer(artifact) };
    const { Uid, Type, facts } = artifact;
    const Result = { FirstObservedTime: seen, LastObservedTime: seen, Type, Uid, Properties: facts };
    return { '@timestamp': state.time / 1000, HostName: device.name, DeviceId: device.opticsId, Result };
  });
  return [...entries, entries[0] as Json];
}

function objectOf(state: ItemState): Json {
  const fixed = state.draws('object');
  const { all } = trailOf(state);
  const events = all.map((artifact, nth) => ({
    time: writeTime(state.time + nth * 1000, fixed.next(), false),
    artifact: refer(artifact),
  }));
  return { artifacts: all.map(flat), events, ...state.secrets('object').members() };
}

const isList = ({ draws }: ItemState): boolean => draws('form').chance(0.6);
const isAvailable = (state: ItemState, step = state.step): boolean => statusAt(state, step) === 'AVAILABLE';

/** The result as served: objects and lists may be JSON in a text, as a whole or in the `Result` of an entry. */
function served(state: ItemState): unknown {
  const fixed = state.draws('served');
  if (!isList(state)) return fixed.chance(0.3) ? JSON.stringify(objectOf(state)) : objectOf(state);
  const entries = entriesOf(state).map((entry, nth) =>
    entry.Result !== undefined && nth % 2 === 0 ? { ...entry, Result: JSON.stringify(entry.Result) } : entry,
  );
  return fixed.chance(0.2) ? JSON.stringify(entries) : entries;
}

/** The members of the view that the stream adds to each record, without empty ones. */
function viewOf(state: ItemState): Json {
  const members = Object.entries(fixedMembers(state)).map(
    ([name, value]) => [name, String(value ?? '').trim()] as const,
  );
  return { id: state.id, ...Object.fromEntries(members.filter(([, text]) => text !== '')) };
}

const results: Part = {
  name: 'focus-results',
  path: '/foci/v2/{id}/results',
  scope: 'opticsfocus:read',
  stream: 'cylance.focus_view_result',
  // Only read when the view has become available: later states only add relations.
  isNeeded: (state) => isAvailable(state) && (state.step === 0 || !isAvailable(state, state.step - 1)),
  reply(state) {
    const status = statusAt(state, state.step);
    if (!isAvailable(state)) return { id: state.id, status };
    return { id: state.id, status: state.draws('done').pick(['AVAILABLE', 'DONE', 'Done']), result: served(state) };
  },
  records(state) {
    if (!isAvailable(state)) return [];
    const FocusView = viewOf(state);
    if (!isList(state)) return [{ Result: objectOf(state), FocusView }];
    return entriesOf(state).map((Entry) => ({ Entry, FocusView }));
  },
};

/** The list shows no focus view if it is requested with `q`. */
export const foci: ListedResource = {
  name: 'foci',
  stream: 'cylance.focus_view',
  usual: 40,
  path: '/foci/v2',
  scope: 'opticsfocus:read',
  detailScope: 'opticsfocus:read',
  states: 3,
  item,
  isListed: (_place, params) => !params.has('q'),
  parts: [results],
};
