/**
 * Package executions: the guide's "Get Package Executions" and "Get Package Execution" (the same members), and the
 * tombstone of one that is gone. Somebody asks for packages to be run on devices: `configuration` and `info`, as for
 * an InstaQuery, since the record may be met long after. The addresses of the packages and of their results may give
 * access: they are removed before a record comes here, and only the number of packages is left.
 */
import { members } from '../../members/cylance/package-execution.ts';
import {
  type Fields,
  filled,
  isEmpty,
  isRecord,
  keywords,
  listOf,
  type Members,
  misfit,
  parsed,
  put,
  reader,
  truth,
  type Unfit,
} from '../ecs.ts';
import { below, type Draft, mappingOf, partOf, rest } from '../ecs-frame.ts';
import { deviceId } from '../ecs-names.ts';
import { count, entitled, OPTICS, PERSON, personOf } from './shared/base.ts';

const PREFIX = 'cylance.package_execution';

type Execution = Members<keyof typeof members>;

const targetOf = reader({ devices: [], zones: [] });
const packageOf = reader({ package: [], arguments: [] });
const creatorOf = reader({ id: [], login: ['email'] });
const statusesPart = partOf({
  at: `${PREFIX}.device_statuses`,
  members: { acked: [], succeeded: [], failed: [] },
  own: {
    acked: ['long', 'acked', count],
    succeeded: ['long', 'succeeded', count],
    failed: ['long', 'failed', count],
  },
});

export const { mapping, fields } = mappingOf(
  {
    prefix: PREFIX,
    observer: OPTICS,
    members,
    id: 'id',
    created: 'createdAt',
    event: { kind: 'event', category: ['configuration'], type: ['info'] },
    own: {
      name: ['keyword', 'name'],
      /** How many packages were asked for. */
      package_count: 'long',
      /** As the vendor writes them; `related.hosts` has the form of `host.id`. */
      'target.devices': 'keyword',
      'target.device_count': 'long',
      'target.zones': 'keyword',
      'target.zone_count': 'long',
      keep_results_locally: ['boolean', 'keepResultsLocally'],
      /** Devices that were online when it was asked for. */
      device_count: 'long',
      /** requested, running, finished, no_devices or deleted; absent where the record does not tell. */
      state: 'keyword',
    },
    parts: [statusesPart],
    ecs: [...below('event', ['outcome', 'created']), ...PERSON, 'related.hosts'],
  },
  (draft, execution) => {
    const { document, own, unfit } = draft;
    put(document, 'user', creator(draft, execution));
    asked(draft, execution);
    const isDeleted = truth(unfit, `${PREFIX}.state`, execution.Deleted) === true;
    if (isDeleted) own.state = 'deleted';
    else answered(draft, execution);
    return entitled(draft, 'Package execution', own.name, isDeleted);
  },
);

/** The person who asked for it. A text alone is taken for the login. */
function creator(draft: Draft, { createdBy }: Execution): Fields | undefined {
  const given = parsed(createdBy);
  if (given === undefined) return personOf(draft, undefined, createdBy);
  const said = creatorOf(given);
  put(draft.other, 'createdBy', rest(given, said));
  return personOf(draft, said.id, said.login);
}

/** The packages that were asked for, and the devices. */
function asked({ own, other, unfit, related }: Draft, execution: Execution): void {
  packages(execution.packageExecutions, own, other);
  const given = parsed(execution.target);
  if (given === undefined) {
    misfit(unfit, `${PREFIX}.target`, execution.target);
    return;
  }
  const said = targetOf(given);
  put(other, 'target', rest(given, said));
  const target: Fields = {};
  const devices = keywords(unfit, `${PREFIX}.target.devices`, said.devices);
  if (devices !== undefined) {
    target.devices = devices;
    target.device_count = listOf(said.devices).length;
    for (const device of devices) related.hosts.push(deviceId(device));
  }
  const zones = keywords(unfit, `${PREFIX}.target.zones`, said.zones);
  if (zones !== undefined) {
    target.zones = zones;
    target.zone_count = listOf(said.zones).length;
  }
  put(own, 'target', filled(target));
}

/** Addresses and arguments of packages are removed before; an item that is only a text would be such an address. */
function packages(given: unknown, own: Fields, other: Fields): void {
  const items = isRecord(given) ? [given] : Array.isArray(given) ? (given as unknown[]) : [];
  if (items.length > 0) own.package_count = items.length;
  const more = items.map((item) => (isRecord(item) ? rest(item, packageOf(item)) : {}));
  if (more.some((item) => !isEmpty(item))) other.packageExecutions = more;
}

/** How far the execution is. */
function answered({ event, own, other, unfit }: Draft, execution: Execution): void {
  const online = count(unfit, `${PREFIX}.device_count`, execution.deviceCount);
  put(own, 'device_count', online);
  const given = parsed(execution.deviceStatuses);
  if (given === undefined) misfit(unfit, `${PREFIX}.device_statuses`, execution.deviceStatuses);
  const said = statusesPart.read(given);
  put(other, 'deviceStatuses', rest(given, said));
  const statuses = statusesPart.of(unfit, given, said);
  put(own, 'device_statuses', statuses);
  const { acked = 0, succeeded = 0, failed = 0 } = (statuses ?? {}) as Record<string, number | undefined>;
  event.outcome = 'unknown';
  if (['device_count', 'device_statuses'].some((name) => isUnread(unfit, name))) return;
  const state = stateOf(online, acked, succeeded + failed);
  put(own, 'state', state);
  if (state === 'finished') event.outcome = failed > 0 ? 'failure' : 'success';
}

function isUnread(unfit: Unfit, name: string): boolean {
  const field = `${PREFIX}.${name}`;
  return Object.keys(unfit).some((one) => one === field || one.startsWith(`${field}.`));
}

/** More devices may answer than were online when it was asked for: those that came back later. */
function stateOf(online: number | undefined, acked: number, done: number): string | undefined {
  if (acked > 0) return 'running';
  if (done > 0) return online === undefined ? undefined : done < online ? 'running' : 'finished';
  return online === undefined ? undefined : online === 0 ? 'no_devices' : 'requested';
}
