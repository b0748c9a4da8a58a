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
import type { Part, Place, Thing } from './resource.ts';

/** Focus views, and what they show once they are available. The guide leaves open what that is: three forms of it. */

/** What becomes of a view, state by state. A state that has the same status as the one before has one more relation. */
const COURSES: readonly (readonly string[])[] = [
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

function statusAt({ draws }: Place, step: number): string {
  return draws('course').pick(COURSES)[step] ?? 'AVAILABLE';
}

function deviceOf({ facts, draws }: Place): DeviceFacts {
  return draws('device').pick(facts.devices);
}

function relation({ facts, draws }: Place, nth: number): Json {
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

/** What stays of a view in all of its states, and what its results are handed on with. */
function fixedMembers(place: Place): Json {
  const fixed = place.draws('item');
  const device = deviceOf(place);
  const type = fixed.pick(TYPES);
  return {
    device_id: device.opticsId,
    artifact_type: type,
    value: type === 'Protect' ? hex128(fixed.next) : trailOf(place).subject.Uid,
    threat_type: type === 'Protect' ? fixed.pick(['Malware', 'PUP']) : fixed.pick(['', null]),
    description: place.secrets('item').commandLine(fixed.pick(DESCRIPTIONS)),
    created_at: writeTime(place.time, fixed.next(), false),
    hostname: device.name,
  };
}

function item(place: Place): Json {
  const fixed = place.draws('more');
  const status = statusAt(place, place.step);
  const relations = fixed.below(2) + place.step;
  return {
    ...fixedMembers(place),
    artifact_subtype: 'Uid',
    id: place.id,
    tenant_id: place.facts.tenantId,
    status: place.facts.oddForms && fixed.chance(0.1) ? status.toLowerCase() : status,
    relations: Array.from({ length: relations }, (_, nth) => relation(place, nth)),
  };
}

interface Trail {
  all: Artifact[];
  subject: Artifact;
}

function trailOf(place: Place): Trail {
  const { facts, time, draws, secrets } = place;
  const scene: Scene = {
    draws: draws('trail'),
    device: deviceOf(place),
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

/** Entries of a result that is a list: as InstaQueries show them, bare, or as events. One of them comes twice. */
function entriesOf(place: Place): Json[] {
  const fixed = place.draws('entries');
  const device = deviceOf(place);
  const { all, subject } = trailOf(place);
  const entries = all.map((artifact, nth) => {
    const seen = writeTime(place.time + nth * 1000, fixed.next(), false);
    const form = fixed.below(3);
    if (form === 0) return flat(artifact);
    if (form === 1) return { EventTime: seen, EventType: 'Trace', Process: flat(subject), Target: refer(artifact) };
    const { Uid, Type, facts } = artifact;
    const Result = { FirstObservedTime: seen, LastObservedTime: seen, Type, Uid, Properties: facts };
    return { '@timestamp': place.time / 1000, HostName: device.name, DeviceId: device.opticsId, Result };
  });
  return [...entries, entries[0] as Json];
}

function objectOf(place: Place): Json {
  const fixed = place.draws('object');
  const { all } = trailOf(place);
  const events = all.map((artifact, nth) => ({
    time: writeTime(place.time + nth * 1000, fixed.next(), false),
    artifact: refer(artifact),
  }));
  return { artifacts: all.map(flat), events, ...place.secrets('object').members() };
}

const isList = ({ draws }: Place): boolean => draws('form').chance(0.6);
const isAvailable = (place: Place, step = place.step): boolean => statusAt(place, step) === 'AVAILABLE';

/** Objects and lists may be JSON in a text, the whole of it or the part of an entry that says what was found. */
function served(place: Place): unknown {
  const fixed = place.draws('served');
  if (!isList(place)) return fixed.chance(0.3) ? JSON.stringify(objectOf(place)) : objectOf(place);
  const entries = entriesOf(place).map((entry, nth) =>
    entry.Result !== undefined && nth % 2 === 0 ? { ...entry, Result: JSON.stringify(entry.Result) } : entry,
  );
  return fixed.chance(0.2) ? JSON.stringify(entries) : entries;
}

/** The members of the view that the stream gives each record, without those that are empty. */
function viewOf(place: Place): Json {
  const members = Object.entries(fixedMembers(place)).map(
    ([name, value]) => [name, String(value ?? '').trim()] as const,
  );
  return { id: place.id, ...Object.fromEntries(members.filter(([, text]) => text !== '')) };
}

const results: Part = {
  name: 'focus-results',
  path: '/foci/v2/{id}/results',
  scope: 'opticsfocus:read',
  stream: 'cylance.focus_view_result',
  // Only asked for when the view has become available: what comes later is only a relation.
  isNeeded: (place) => isAvailable(place) && (place.step === 0 || !isAvailable(place, place.step - 1)),
  reply(place) {
    const status = statusAt(place, place.step);
    if (!isAvailable(place)) return { id: place.id, status };
    return { id: place.id, status: place.draws('done').pick(['AVAILABLE', 'DONE', 'Done']), result: served(place) };
  },
  records(place) {
    if (!isAvailable(place)) return [];
    const FocusView = viewOf(place);
    if (!isList(place)) return [{ Result: objectOf(place), FocusView }];
    return entriesOf(place).map((Entry) => ({ Entry, FocusView }));
  },
};

/** A list that is searched shows nothing. */
export const foci: Thing = {
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
