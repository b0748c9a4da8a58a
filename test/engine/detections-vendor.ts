/** A vendor of detections in memory, whose list filters by the time that it is told to. */

import type { VendorClient, VendorRequest } from '../../src/api/client.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { parseTimeMs } from '../../src/api/time.ts';
import { clientOf } from './context.ts';

export interface Detection {
  Id: string;
  Status: string;
  Severity: string;
  OccurrenceTime: string;
  ReceivedTime: string;
  [member: string]: unknown;
}

export function detectionAt(Id: string, occurredMs: number, receivedMs = occurredMs, more: object = {}): Detection {
  const [OccurrenceTime, ReceivedTime] = [occurredMs, receivedMs].map((ms) => new Date(ms).toISOString()) as [
    string,
    string,
  ];
  return { Id, Status: 'New', Severity: 'Low', OccurrenceTime, ReceivedTime, ...more };
}

export interface DetectionsVendor {
  client: VendorClient;
  rows: Detection[];
  /** Since they were counted last: of the list, and of details. */
  requests: { list: number; details: number };
  by: 'OccurrenceTime' | 'ReceivedTime';
  /** Whether the details route knows nobody. */
  areDetailsDown: boolean;
  /** Those that the details route does not know, though the list shows them. */
  withoutDetail: Set<string>;
  /** Whether the list is empty for now. */
  isRebuilt: boolean;
}

export function detectionsVendor(rows: Detection[], by: DetectionsVendor['by'] = 'OccurrenceTime'): DetectionsVendor {
  const json = async ({ path, query = {}, accept }: VendorRequest): Promise<unknown> => {
    const id = /^\/detections\/v2\/(.+)\/details$/.exec(path)?.[1];
    if (id !== undefined) return accept(detailOf(vendor, decodeURIComponent(id)));
    vendor.requests.list++;
    const { start, end, page = 1, page_size: size = 200, severity } = query;
    const [fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY] = [start, end].map(parseTimeMs);
    const timeOf = (row: Detection) => Date.parse(row[vendor.by]);
    const found = (vendor.isRebuilt ? [] : vendor.rows)
      .filter((row) => timeOf(row) >= (start === undefined ? Number.NEGATIVE_INFINITY : fromMs) && timeOf(row) <= toMs)
      .filter((row) => severity === undefined || row.Severity === severity)
      .sort((one, other) => Date.parse(one.OccurrenceTime) - Date.parse(other.OccurrenceTime));
    const items = found.slice((Number(page) - 1) * Number(size), Number(page) * Number(size));
    return accept({ page_number: page, page_size: size, total_number_of_items: found.length, page_items: items });
  };
  const vendor: DetectionsVendor = {
    ...{ rows, by, requests: { list: 0, details: 0 }, areDetailsDown: false, isRebuilt: false },
    withoutDetail: new Set(),
    client: clientOf({ json }),
  };
  return vendor;
}

function detailOf(vendor: DetectionsVendor, id: string): unknown {
  vendor.requests.details++;
  const isUnknown = vendor.areDetailsDown || vendor.withoutDetail.has(id);
  const row = isUnknown ? undefined : vendor.rows.find(({ Id }) => Id === id);
  if (row === undefined) throw new SluiceError(`no detection ${id}`, { action: 'skip' });
  return row;
}
