import type { Json } from '../artifacts.ts';
import { protectId } from '../listed/devices.ts';
import { threatDevices } from '../listed/threats.ts';
import { errorReply, jsonReply } from '../reply.ts';
import type { Present, Site } from '../resource.ts';
import { type Extra, inPages, isSameId } from './extra.ts';

/** Protect's pages about devices beside their list and details. */

const SCOPE = 'device:list';

/** The zones that a device is in, in Protect's form. */
export function zonesOf({ state: { facts, index } }: Present): string[] {
  return (facts.devices[index % facts.devices.length]?.zones ?? []).map(protectId);
}

function withProducts({ whole, state }: Present): Json {
  const version = state.draws('products').pick(['3.1.1001', '3.2.1140']);
  const optics = { name: 'optics', version: '3.2.1140', status: whole.state };
  return { ...whole, products: [{ name: 'protect', version, status: whole.state }, optics] };
}

function counted(site: Site): Json[] {
  const counts = new Map<string, number>();
  for (const { item } of site.presentOf('devices')) {
    const version = String(item.agent_version);
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].map(([version, device_count]) => ({ product: 'PROTECT', version, device_count }));
}

/** The threats that were found on one device, a row for each path. */
function threatsOn(site: Site, id: string): Json[] {
  return site.presentOf('threats').flatMap(({ state, item }) =>
    (threatDevices.items?.(state) ?? [])
      .filter((row) => isSameId(row.id, id))
      .map(({ file_path, file_status, date_found }) => ({
        ...{ name: item.name, sha256: state.id, file_status, file_path, cylance_score: item.cylance_score },
        ...{ classification: item.classification, sub_classification: item.sub_classification, date_found },
      })),
  );
}

export const DEVICE_EXTRAS: readonly Extra[] = [
  {
    ...{ endpoint: 'devices/extended', path: '/devices/v2/extended', scope: SCOPE },
    answer: (site, asked) => inPages(site, asked, 'devices/extended', site.presentOf('devices').map(withProducts)),
  },
  {
    ...{ endpoint: 'devices/products', path: '/devices/v2/products', scope: SCOPE },
    answer: (site) => jsonReply(JSON.stringify(counted(site))),
  },
  {
    ...{ endpoint: 'devices/macaddress', path: '/devices/v2/macaddress/{id}', scope: 'device:read' },
    answer(site, { argument }) {
      const bare = (mac: unknown) => String(mac).replaceAll(/[-:]/g, '').toLowerCase();
      const found = site
        .presentOf('devices')
        .filter(({ item }) => (item.mac_addresses as string[]).some((mac) => bare(mac) === bare(argument)));
      if (found.length === 0) return errorReply(404, 'no such resource');
      return jsonReply(JSON.stringify(found.map(({ whole }) => whole)));
    },
  },
  {
    ...{ endpoint: 'devices/threats', path: '/devices/v2/{id}/threats', scope: 'device:threatlist' },
    answer: (site, asked) => inPages(site, asked, 'devices/threats', threatsOn(site, asked.argument)),
  },
  {
    ...{ endpoint: 'zones/devices', path: '/devices/v2/{id}/devices', scope: 'zone:list' },
    answer(site, asked) {
      const inside = site
        .presentOf('devices')
        .filter((one) => zonesOf(one).some((zone) => isSameId(zone, asked.argument)));
      return inPages(
        site,
        asked,
        'zones/devices',
        inside.map(({ item }) => item),
      );
    },
  },
];
