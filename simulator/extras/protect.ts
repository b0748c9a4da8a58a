import type { Json } from '../artifacts.ts';
import { drawsFor, saltOf } from '../hash.ts';
import { hex128, uuid } from '../ids.ts';
import { protectId } from '../listed/devices.ts';
import type { Site } from '../resource.ts';
import { writeTime } from '../times.ts';
import { zonesOf } from './devices.ts';
import { type Extra, inPages, isSameId, whole } from './extra.ts';

/** Zones, policies, users, global lists and memory events of Protect: few members, in its own names. */

const DAY = 86_400_000;

function drawsOf({ settings }: Site, topic: string, index: number) {
  return drawsFor(settings.seed, index, saltOf(`protect ${topic}`));
}

function zones(site: Site): Json[] {
  const firsts = new Map<string, Json>();
  for (const device of site.presentOf('devices'))
    for (const zone of zonesOf(device)) if (!firsts.has(zone)) firsts.set(zone, device.item);
  return [...firsts].map(([id, { policy }], index) => {
    const draws = drawsOf(site, 'zone', index);
    const created = site.settings.startTime - draws.below(400) * DAY;
    return {
      ...{ id, name: `${draws.pick(['Berlin', '東京', 'Servers', 'Büro'])} ${index + 1}`, criticality: 'Normal' },
      ...{ zone_rule_id: null, policy_id: (policy as { id?: string } | null)?.id ?? null, update_type: 'Production' },
      ...{ date_created: writeTime(created, 0, true), date_modified: writeTime(created + DAY, 0, true) },
    };
  });
}

/** The policies that the devices name. */
function policies(site: Site): Json[] {
  const found = new Map<string, { name: string; devices: number }>();
  for (const { item } of site.presentOf('devices')) {
    const policy = item.policy as { id: string; name: string } | null;
    if (policy === null) continue;
    found.set(policy.id, { name: policy.name, devices: (found.get(policy.id)?.devices ?? 0) + 1 });
  }
  const date = writeTime(site.settings.startTime, 0, true);
  return [...found].map(([id, { name, devices }]) => ({
    ...{ id, name, device_count: devices, zone_count: 0, date_added: date, date_modified: date },
  }));
}

function policyPage({ id, name }: Json): Json {
  return {
    ...{ policy_id: id, policy_name: name, checksum: '', policy_utctimestamp: null },
    ...{ policy: [{ name: 'auto_blocking', value: '1' }], memoryviolation_actions: { memory_violations: [] } },
    ...{ script_control: { global_settings: { allowed_folders: [] } }, file_exclusions: [] },
  };
}

function users(site: Site): Json[] {
  return site.facts.users.map(({ name }, index) => {
    const draws = drawsOf(site, 'user', index);
    const created = writeTime(site.settings.startTime - draws.below(400) * DAY, 0, true);
    return {
      ...{ id: uuid(draws.next), tenant_id: site.settings.tenantId, first_name: name, last_name: '' },
      ...{ email: `${name.replaceAll(' ', '.')}.${index}@example.test`, has_logged_in: draws.chance(0.8) },
      ...{ role_type: '00000000-0000-0000-0000-000000000002', role_name: 'Administrator', zones: [] },
      ...{ date_last_login: created, date_email_confirmed: created, date_created: created, date_modified: created },
    };
  });
}

const GLOBAL = [
  ['GlobalQuarantine', 12],
  ['GlobalSafe', 25],
] as const;

/** Hashes on the global lists; `listTypeId` 0 is quarantine, 1 is safe. */
function globalList(site: Site, type: string | null): Json[] {
  const [list_type, count] = GLOBAL[type === '1' ? 1 : 0];
  return Array.from({ length: count }, (_, index) => {
    const draws = drawsOf(site, list_type, index);
    const added = writeTime(site.settings.startTime - draws.below(400) * DAY, 0, true);
    return {
      ...{ name: `file-${index}.exe`, sha256: hex128(draws.next) + hex128(draws.next), md5: hex128(draws.next) },
      ...{ cylance_score: null, av_industry: null, classification: '', sub_classification: '', list_type },
      ...{ category: 'None', added, added_by: uuid(draws.next), reason: 'asked by the night shift' },
    };
  });
}

const MEMORY_EVENTS = 45;

function memoryEvents(site: Site): Json[] {
  const { facts, settings } = site;
  return Array.from({ length: MEMORY_EVENTS }, (_, index) => {
    const draws = drawsOf(site, 'memory', index);
    const device = draws.pick(facts.devices);
    const at = settings.endTime - index * 3_600_000 - draws.below(3_600_000);
    return {
      ...{ device_image_file_event_id: uuid(draws.next), device_id: protectId(device.opticsId) },
      ...{ device_name: device.name, image_name: draws.pick(['powershell.exe', 'winword.exe']) },
      ...{ process_id: 1000 + draws.below(60_000), user_name: draws.pick(facts.users).name },
      ...{ violation_type: draws.pick(['LsassRead', 'StackPivot']), action_type: draws.pick(['Blocked', 'Alert']) },
      ...{ created: writeTime(at, 0, true) },
    };
  });
}

/** The routes of a list and of the page of one item. */
function listed(name: string, scope: string, make: (site: Site) => Json[], page: PageOf): readonly Extra[] {
  const path = `/${name}/v2`;
  return [
    { endpoint: name, path, scope: `${scope}:list`, answer: (site, asked) => inPages(site, asked, name, make(site)) },
    {
      ...{ endpoint: `${name}/{id}`, path: `${path}/{id}`, scope: `${scope}:read` },
      answer(site, { argument }) {
        const found = make(site).find((one) => page.keys.some((key) => isSameId(one[key], argument)));
        return whole(found === undefined ? undefined : (page.of ?? ((one: Json) => one))(found));
      },
    },
  ];
}

interface PageOf {
  /** The members by which a page can be requested. */
  keys: readonly string[];
  of?(item: Json): Json;
}

export const PROTECT_EXTRAS: readonly Extra[] = [
  ...listed('zones', 'zone', zones, { keys: ['id'] }),
  {
    ...{ endpoint: 'devices/zones', path: '/zones/v2/{id}/zones', scope: 'zone:list' },
    answer(site, asked) {
      const device = site.presentOf('devices').find(({ item }) => isSameId(item.id, asked.argument));
      const own = new Set(device === undefined ? [] : zonesOf(device));
      return inPages(
        site,
        asked,
        'devices/zones',
        zones(site).filter(({ id }) => own.has(String(id))),
      );
    },
  },
  ...listed('policies', 'policy', policies, { keys: ['id'], of: policyPage }),
  ...listed('users', 'user', users, { keys: ['id', 'email'] }),
  ...listed('memoryprotection', 'memoryprotection', memoryEvents, { keys: ['device_image_file_event_id'] }),
  {
    ...{ endpoint: 'globallists', path: '/globallists/v2', scope: 'globallist:list' },
    answer: (site, asked) => inPages(site, asked, 'globallists', globalList(site, asked.params.get('listTypeId'))),
  },
];
