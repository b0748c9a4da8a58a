import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { TruthText } from '../detections/truth.ts';
import { drawsFor, fraction, mix, saltOf } from '../hash.ts';
import { hex128 } from '../ids.ts';
import { type Course, type Courses, createCourses } from '../lifecycle.ts';
import type { Settings } from '../options.ts';
import { SECRET_BASE, secretsFor } from '../secrets.ts';
import { THINGS } from './index.ts';
import type { Part, Place, Thing } from './resource.ts';

/** What every vendor's record may hold, documented or not. */
function planted(json: Json, { facts, index, secrets }: Place): Json {
  if (!facts.plantSecrets) return json;
  const secret = secrets('planted').word('');
  return { ...json, [index % 2 === 0 ? 'password' : 'download_url']: secret };
}

/** As the list, its own page and its stream show it. */
export function itemOf(thing: Thing, at: Place): Json {
  return planted(thing.item(at), at);
}
export function wholeOf(thing: Thing, at: Place): Json {
  return planted((thing.whole ?? thing.item)(at), at);
}
function recordOf(thing: Thing, at: Place): Json {
  return planted((thing.record ?? thing.whole ?? thing.item)(at), at);
}
/** Of a list in pages, as served and as its stream hands them on. */
export function itemsOf(part: Part, at: Place): Json[] {
  return (part.items?.(at) ?? []).map((one) => planted(one, at));
}
function recordsOf(part: Part, at: Place): Json[] {
  const records = part.records?.(at) ?? [];
  return part.items === undefined ? records : records.map((one) => planted(one, at));
}

/** All things of one kind, and the present state of each. */
export interface Shelf {
  thing: Thing;
  count: number;
  courses: Courses;
  place(index: number, step?: number): Place;
  find(id: string): number | undefined;
  /** The same for the id that a part's path takes. */
  findFor(part: Part, id: string): number | undefined;
  /** Newest first, without those that are deleted. */
  listed(params: URLSearchParams): number[];
  /** To be called when the list item or page, or a part (from 1), of this state was sent whole. */
  served(index: number, step: number, part?: number): void;
  /** A revision of it, or of a record that belongs to it, was delivered. False: nothing has that id. */
  confirm(id: string, ordinal: number): boolean;
  streams: readonly string[];
  /** Every state so far, and the deletion; of a part's stream every state of its records. */
  rows(stream: string): Generator<TruthText>;
}

/** Which of them change, and which are deleted in the end; the seed says which. */
function coursesOf(thing: Thing, settings: Settings, count: number): Map<number, Course> {
  const { thingsMove = 0, thingsDeleted = 0 } = settings.living ?? {};
  const moving = thing.states > 1 ? Math.min(thingsMove, count) : 0;
  const deleted = thing.detailScope === undefined ? 0 : Math.min(thingsDeleted, count - moving);
  const salt = saltOf(`${thing.name} courses`);
  const byDraw = Array.from({ length: moving + deleted === 0 ? 0 : count }, (_, index) => index).sort(
    (a, b) => mix(settings.seed, a, salt) - mix(settings.seed, b, salt),
  );
  const courses = new Map<number, Course>();
  for (const index of byDraw.slice(0, moving)) courses.set(index, { states: thing.states, deleted: false });
  for (const index of byDraw.slice(moving, moving + deleted)) courses.set(index, { states: 1, deleted: true });
  return courses;
}

export function createShelf(thing: Thing, facts: Facts, settings: Settings): Shelf {
  const { seed, plantSecrets, startTime, endTime } = settings;
  const count = settings.things[thing.name] ?? 0;
  const parts = thing.parts ?? [];
  const ofStreams = parts.filter(({ stream }) => stream !== undefined);
  const partsOf = (index: number, step: number): number =>
    parts.reduce((bits, part, at) => ((part.isNeeded?.(place(index, step)) ?? true) ? bits | (2 << at) : bits), 1);
  const courses = createCourses({ count, courses: coursesOf(thing, settings, count), partsOf }, settings.living);
  const kindNumber = THINGS.indexOf(thing);
  const confirmed = new Set<string>();
  const numbers = new Map<Part | undefined, Map<string, number>>();

  const draws = (index: number, topic: string) => drawsFor(seed, index, saltOf(`${thing.name} ${topic}`));
  const idOf = (index: number): string =>
    thing.idOf?.(facts, index, draws(index, 'id')) ?? hex128(draws(index, 'id').next).toUpperCase();
  const place = (index: number, step = courses.stepOf(index)): Place => ({
    facts,
    index,
    count,
    step,
    id: idOf(index),
    time: Math.floor(startTime + ((index + fraction(seed, index, saltOf(thing.name))) / count) * (endTime - startTime)),
    draws: (topic) => draws(index, topic),
    secrets: (topic) => {
      const serial = SECRET_BASE.thing + kindNumber * 1_000_000 + index;
      return secretsFor(seed, serial, plantSecrets, saltOf(topic) % 50);
    },
  });
  const findFor = (part: Part | undefined, id: string): number | undefined => {
    let known = numbers.get(part);
    if (known === undefined) {
      const text = (index: number) => part?.idOf?.(place(index, 0)) ?? idOf(index);
      known = new Map(Array.from({ length: count }, (_, index) => [text(index).toLowerCase(), index]));
      numbers.set(part, known);
    }
    return known.get(id.toLowerCase());
  };

  function* ownRows(index: number): Generator<TruthText> {
    const { states, deleted } = courses.history(index);
    const id = idOf(index);
    const kind = thing.detailScope === undefined ? 'list' : 'detail';
    for (let step = 0; step < states; step++)
      yield { id, ordinal: step + 1, kind, json: JSON.stringify(recordOf(thing, place(index, step))) };
    if (deleted) yield { id, ordinal: states + 1, kind: 'deleted', json: 'null' };
  }

  /** A record's state is another one where its text is. */
  function* partRows(part: Part, index: number): Generator<TruthText> {
    const last = new Map<string, { json: string; ordinal: number }>();
    for (let step = 0; step < courses.history(index).states; step++) {
      for (const record of recordsOf(part, place(index, step))) {
        const id = `${part.name}/${idOf(index)}/${part.idOfRecord?.(record) ?? JSON.stringify(record)}`;
        const json = JSON.stringify(record);
        const before = last.get(id);
        if (before?.json === json) continue;
        const ordinal = (before?.ordinal ?? 0) + 1;
        last.set(id, { json, ordinal });
        yield { id, ordinal, kind: 'list', json };
      }
    }
  }

  function* allRows(index: number): Generator<TruthText> {
    yield* ownRows(index);
    for (const part of ofStreams) yield* partRows(part, index);
  }

  const owner = (id: string): number | undefined => {
    const [name, parent] = id.split('/', 2);
    const part = ofStreams.find((one) => one.name === name);
    return findFor(undefined, part === undefined ? id : (parent ?? ''));
  };

  return {
    thing,
    count,
    courses,
    place,
    find: (id) => findFor(undefined, id),
    findFor,
    listed: (params) => {
      const all: number[] = [];
      for (let index = count - 1; index >= 0; index--) {
        if (!courses.isGone(index) && (thing.isListed?.(place(index), params) ?? true)) all.push(index);
      }
      return all;
    },
    served: (index, step, part = 0) => courses.served(index, step, 1 << part),
    confirm: (id, ordinal) => {
      const index = owner(id);
      if (index === undefined) return false;
      for (let one = 1; one <= ordinal; one++) confirmed.add(`${id} ${one}`);
      // Whatever belongs to the present state has to be safe before the next one may take its place.
      const open = [...allRows(index)].some((row) => !confirmed.has(`${row.id} ${row.ordinal}`));
      if (!open) courses.confirm(index, courses.stepOf(index) + 1);
      return true;
    },
    streams: [thing.stream, ...ofStreams.map(({ stream }) => stream as string)],
    *rows(stream) {
      const part = ofStreams.find((one) => one.stream === stream);
      for (let index = 0; index < count; index++) yield* part === undefined ? ownRows(index) : partRows(part, index);
    },
  };
}
