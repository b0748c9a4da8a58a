import type { Json } from '../artifacts.ts';
import { protectId } from '../listed/devices.ts';
import { threatDevices } from '../listed/threats.ts';
import { errorReply, jsonReply } from '../reply.ts';
import type { World } from '../world.ts';
import { type Extra, inPages } from './extra.ts';
import { isSameId, type Present, present } from './present.ts';

/** What Protect tells of devices beside their list and pages. */

const SCOPE = 'device:list';

/** The zones that a device is in, in Protect's form. */
export function zonesOf({ place: { facts, index } }: Present): string[] {
  return (facts.devices[index % facts.devices.length]?.zones ?? []).map(protectId);
}

function withProducts({ whole, place }: Present): Json {
  const version = place.draws('products').pick(['3.1.1001', '3.2.1140']);
  const optics = { name: 'optics', version: '3.2.1140', status: whole.state };
  return { ...whole, products: [{ name: 'protect', version, status: whole.state }, optics] };
}

function counted(world: World): Json[] {
  const counts = new Map<string, number>();
  for (const { item } of present(world, 'devices')) {
    const version = String(item.agent_version);
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].map(([version, device_count]) => ({ product: 'PROTECT', version, device_count }));
}

/** The threats that were found on one device, a row for each path. */
function threatsOn(world: World, id: string): Json[] {
  return present(world, 'threats').flatMap(({ place, item }) =>
    (threatDevices.items?.(place) ?? [])
      .filter((row) => isSameId(row.id, id))
      .map(({ file_path, file_status, date_found }) => ({
        ...{ name: item.name, sha256: place.id, file_status, file_path, cylance_score: item.cylance_score },
        ...{ classification: item.classification, sub_classification: item.sub_classification, date_found },
      })),
  );
}

export const DEVICE_EXTRAS: readonly Extra[] = [
  {
    ...{ name: 'devices/extended', path: '/devices/v2/extended', scope: SCOPE },
    answer: (world, asked) => inPages(world, asked, 'devices/extended', present(world, 'devices').map(withProducts)),
  },
  {
    ...{ name: 'devices/products', path: '/devices/v2/products', scope: SCOPE },
    answer: (world) => jsonReply(JSON.stringify(counted(world))),
  },
  {
    ...{ name: 'devices/macaddress', path: '/devices/v2/macaddress/{id}', scope: 'device:read' },
    answer(world, { argument }) {
      const bare = (mac: unknown) => String(mac).replaceAll(/[-:]/g, '').toLowerCase();
      const found = present(world, 'devices').filter(({ item }) =>
        (item.mac_addresses as string[]).some((mac) => bare(mac) === bare(argument)),
      );
      if (found.length === 0) return errorReply(404, 'no such resource');
      return jsonReply(JSON.stringify(found.map(({ whole }) => whole)));
    },
  },
  {
    ...{ name: 'devices/threats', path: '/devices/v2/{id}/threats', scope: 'device:threatlist' },
    answer: (world, asked) => inPages(world, asked, 'devices/threats', threatsOn(world, asked.argument)),
  },
  {
    ...{ name: 'zones/devices', path: '/devices/v2/{id}/devices', scope: 'zone:list' },
    answer(world, asked) {
      const inside = present(world, 'devices').filter((one) =>
        zonesOf(one).some((zone) => isSameId(zone, asked.argument)),
      );
      return inPages(
        world,
        asked,
        'zones/devices',
        inside.map(({ item }) => item),
      );
    },
  },
];
