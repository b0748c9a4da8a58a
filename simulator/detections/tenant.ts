import { type Facts, initialStatus, type Moment, type State } from '../attributes.ts';
import { mix, SALT } from '../hash.ts';
import { detectionId, serialOf } from '../ids.ts';
import { arrivalsOf } from '../living-options.ts';
import type { Settings } from '../settings.ts';
import { createTimeline, type Timeline } from '../times.ts';
import { detailJson } from './detail.ts';
import { listItem } from './list-item.ts';
import { createOrder, type Order } from './order.ts';

/** The simulated tenant: all its detections, and the present state of each. */
export interface Tenant {
  facts: Facts;
  timeline: Timeline;
  order: Order;
  /** The number of detections with the same time, and that time. */
  ties: number;
  tiesAt: number;
  timeOf(serial: number): number;
  statusOf(serial: number): number;
  stateOf(serial: number): State;
  momentOf(serial: number, state?: State): Moment;
  listItem(serial: number, state?: State): string;
  detail(serial: number, state?: State): string;
  idOf(serial: number): string;
  /** The serial of an id that is (or once was) a detection of this tenant. */
  find(id: string): number | undefined;
  /** Changes the state of a detection. */
  setState(serial: number, state: State): void;
  version(): number;
}

const MINUTE = 60_000;

/** Most detections arrive at the vendor within seconds; those of offline endpoints hours or days later. */
function receivedAt(seed: number, serial: number, time: number, latest: number): number {
  const draw = mix(seed, serial, SALT.received + 200);
  const late = draw % 40 === 0;
  const delay = late ? ((draw >>> 8) % 4000) * MINUTE : (draw >>> 8) % 20_000;
  return Math.max(time, Math.min(time + delay, latest));
}

export function createTenant(facts: Facts, settings: Settings): Tenant {
  const { seed, detections, startTime, endTime } = settings;
  const timeline = createTimeline(seed, detections, startTime, endTime);
  const order = createOrder(timeline);
  const { ties } = settings;
  const tiesAt = Math.floor((startTime + endTime) / 2);
  const firstTie = detections + arrivalsOf(settings.living);
  for (let serial = firstTie; serial < firstTie + ties; serial++) {
    order.insert({ serial, time: tiesAt, received: tiesAt + 1000 });
  }
  const changed = new Map<number, State>();
  let changes = 0;

  const timeOf = (serial: number) => order.extra(serial)?.time ?? timeline.at(serial);
  const statusOf = (serial: number) => changed.get(serial)?.status ?? initialStatus(facts, serial);
  const stateOf = (serial: number): State =>
    changed.get(serial) ?? { status: initialStatus(facts, serial), comment: 0, responses: 0 };
  const momentOf = (serial: number, state = stateOf(serial)): Moment => {
    const extra = order.extra(serial);
    const time = extra?.time ?? timeline.at(serial);
    const received = extra?.received ?? receivedAt(seed, serial, time, endTime + MINUTE);
    return { serial, time, received, state };
  };

  return {
    facts,
    timeline,
    order,
    ties,
    tiesAt,
    timeOf,
    statusOf,
    stateOf,
    momentOf,
    listItem: (serial, state) => listItem(facts, momentOf(serial, state)),
    detail: (serial, state) => detailJson(facts, momentOf(serial, state)),
    idOf: (serial) => detectionId(seed, serial),
    find: (id) => {
      const serial = serialOf(seed, id);
      return serial !== undefined && (serial < detections || order.extra(serial)) ? serial : undefined;
    },
    setState: (serial, state) => {
      changes++;
      changed.set(serial, state);
    },
    version: () => changes + order.version(),
  };
}
