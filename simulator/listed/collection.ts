import type { Json } from '../artifacts.ts';
import { drawsFor, fraction, mix, saltOf } from '../hash.ts';
import { hex128 } from '../ids.ts';
import { createLifecycle, type ItemLifecycle, type Stages } from '../lifecycle.ts';
import type { Collection, ItemState, Revision, Site, StreamTruth } from '../resource.ts';
import { SECRET_BASE, secretsFor } from '../secrets.ts';
import type { Settings } from '../settings.ts';
import { type Records, revisionsOf, truthFrom, truthOf } from '../truth.ts';
import type { ListedResource, Part } from './resource.ts';

/** Adds planted secrets, which any vendor's record may hold. */
function planted(json: Json, { facts, index, secrets }: ItemState): Json {
  if (!facts.plantSecrets) return json;
  const secret = secrets('planted').word('');
  return { ...json, [index % 2 === 0 ? 'password' : 'download_url']: secret };
}

/** The item as its list, its detail and its stream show it. */
export function itemOf(described: ListedResource, state: ItemState): Json {
  return planted(described.item(state), state);
}
export function wholeOf(described: ListedResource, state: ItemState): Json {
  return planted((described.whole ?? described.item)(state), state);
}
function recordOf(described: ListedResource, state: ItemState): Json {
  return planted((described.record ?? described.whole ?? described.item)(state), state);
}
/** The items of a list in pages, as served and as its stream yields them. */
export function itemsOf(part: Part, state: ItemState): Json[] {
  return (part.items?.(state) ?? []).map((one) => planted(one, state));
}
function recordsOf(part: Part, state: ItemState): Json[] {
  const records = part.records?.(state) ?? [];
  return part.items === undefined ? records : records.map((one) => planted(one, state));
}

/** All items of one resource, and the present state of each. */
export interface Listed extends Collection {
  described: ListedResource;
  site: Site;
  lifecycle: ItemLifecycle;
  stateOf(index: number, step?: number): ItemState;
  /** The number of an existing item by its id, or by the id that a part's path takes. */
  find(id: string, part?: Part): number | undefined;
  /** Newest first, without those that are deleted. */
  listed(params: URLSearchParams): number[];
}

/** The items that change or are deleted, as chosen by the seed. */
function changesOf(described: ListedResource, settings: Settings, count: number): Map<number, Stages> {
  const { itemsMove = 0, itemsDeleted = 0 } = settings.living ?? {};
  const moving = described.states > 1 ? Math.min(itemsMove, count) : 0;
  const deleted = described.detailScope === undefined ? 0 : Math.min(itemsDeleted, count - moving);
  // The name of the salt is part of the seed: another name would choose other items.
  const salt = saltOf(`${described.name} courses`);
  const byDraw = Array.from({ length: moving + deleted === 0 ? 0 : count }, (_, index) => index).sort(
    (a, b) => mix(settings.seed, a, salt) - mix(settings.seed, b, salt),
  );
  const changes = new Map<number, Stages>();
  for (const index of byDraw.slice(0, moving)) changes.set(index, { states: described.states, deleted: false });
  for (const index of byDraw.slice(moving, moving + deleted)) changes.set(index, { states: 1, deleted: true });
  return changes;
}

/** `number` is the place of the resource among the listed ones. */
export function createListed(described: ListedResource, number: number, site: Site): Listed {
  const { facts, settings } = site;
  const { seed, plantSecrets, startTime, endTime } = settings;
  const { name, parts = [], stream, detailScope } = described;
  const count = settings.items[name] ?? 0;
  const partsOf = (index: number, step: number): number =>
    parts.reduce((bits, part, at) => ((part.isNeeded?.(stateOf(index, step)) ?? true) ? bits | (2 << at) : bits), 1);
  const changes = changesOf(described, settings, count);
  const lifecycle = createLifecycle({ count, changes, partsOf }, settings.living);
  const confirmed = new Set<string>();
  const numbers = new Map<Part | undefined, Map<string, number>>();

  const draws = (index: number, topic: string) => drawsFor(seed, index, saltOf(`${name} ${topic}`));
  const idOf = (index: number): string =>
    described.idOf?.(facts, index, draws(index, 'id')) ?? hex128(draws(index, 'id').next).toUpperCase();
  const stateOf = (index: number, step = lifecycle.stepOf(index)): ItemState => ({
    facts,
    index,
    count,
    step,
    id: idOf(index),
    time: Math.floor(startTime + ((index + fraction(seed, index, saltOf(name))) / count) * (endTime - startTime)),
    draws: (topic) => draws(index, topic),
    secrets: (topic) =>
      secretsFor(seed, SECRET_BASE.listed + number * 1_000_000 + index, plantSecrets, saltOf(topic) % 50),
  });
  const find = (id: string, part?: Part): number | undefined => {
    let known = numbers.get(part);
    if (known === undefined) {
      const text = (index: number) => part?.idOf?.(stateOf(index, 0)) ?? idOf(index);
      known = new Map(Array.from({ length: count }, (_, index) => [text(index).toLowerCase(), index]));
      numbers.set(part, known);
    }
    return known.get(id.toLowerCase());
  };

  const records: Records = {
    ...{ count, kind: detailScope === undefined ? 'list' : 'detail', idOf },
    json: (index, step) => JSON.stringify(recordOf(described, stateOf(index, step))),
  };

  /** The revisions of a part's records: a record with another text is a new revision. */
  function* partRevisions(part: Part, index: number): Generator<Revision> {
    const last = new Map<string, { json: string; ordinal: number }>();
    for (let step = 0; step < lifecycle.history(index).states; step++) {
      for (const record of recordsOf(part, stateOf(index, step))) {
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

  const truth: Record<string, StreamTruth> = { [stream]: truthOf(lifecycle, records) };
  const ofStreams = parts.filter((part) => part.stream !== undefined);
  for (const part of ofStreams) {
    truth[part.stream ?? ''] = truthFrom(function* () {
      for (let index = 0; index < count; index++) yield* partRevisions(part, index);
    });
  }

  function* revisionsWithParts(index: number): Generator<Revision> {
    yield* revisionsOf(lifecycle, records, index);
    for (const part of ofStreams) yield* partRevisions(part, index);
  }

  const owner = (id: string): number | undefined => {
    const [start, parent = ''] = id.split('/', 2);
    return find(ofStreams.some((part) => part.name === start) ? parent : id);
  };

  const listed: Listed['listed'] = (params) => {
    const all: number[] = [];
    for (let index = count - 1; index >= 0; index--) {
      if (!lifecycle.isGone(index) && (described.isListed?.(stateOf(index), params) ?? true)) all.push(index);
    }
    return all;
  };

  return {
    ...{ described, site, lifecycle, truth, stateOf, listed },
    find: (id, part) => {
      const index = find(id, part);
      return index === undefined || lifecycle.isGone(index) ? undefined : index;
    },
    confirm: (id, ordinal) => {
      const index = owner(id);
      if (index === undefined) return false;
      for (let one = 1; one <= ordinal; one++) confirmed.add(`${id} ${one}`);
      // Everything that belongs to the present state must be confirmed before the next state begins.
      const open = [...revisionsWithParts(index)].some((row) => !confirmed.has(`${row.id} ${row.ordinal}`));
      if (!open) lifecycle.confirm(index, lifecycle.stepOf(index) + 1);
      return true;
    },
    present: () =>
      listed(new URLSearchParams()).map((index) => {
        const state = stateOf(index);
        return { state, item: itemOf(described, state), whole: wholeOf(described, state) };
      }),
  };
}
