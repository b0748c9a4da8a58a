import { SEVERITIES, severityIndex } from '../attributes.ts';
import { csvLine } from '../csv.ts';
import { pageReply } from '../paging.ts';
import { type ListQuery, readListQuery } from '../query.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import type { Asked, Collection, Site } from '../resource.ts';
import { readTime } from '../times.ts';
import { type Living, PART } from './living.ts';
import type { Selector } from './selection.ts';
import type { Tenant } from './tenant.ts';

/** The detection endpoints, as functions from a query to a reply. Each reply is made at one moment of the tenant. */

export interface Detections extends Collection, Pick<Site, 'faults' | 'settings'> {
  tenant: Tenant;
  living: Living;
  selector: Selector;
}

/** Notes which detections a list has named, and which list items were served in place of details that fail for ever. */
function noteListed({ living, faults }: Detections, serials: readonly number[]): () => void {
  for (const serial of serials) living.listed(serial);
  return living.servedLater(serials.filter(faults.detailFails), PART.item);
}

export function listDetections(detections: Detections, { params }: Asked): Reply {
  const { tenant, selector, settings } = detections;
  const query = readListQuery(params, settings.maxPageSize);
  if ('problem' in query) return errorReply(400, query.problem);
  return pageReply(detections, params, {
    endpoint: 'list',
    select: () => selector.select(query),
    write: (serial) => tenant.listItem(serial),
    sent: (serials) => noteListed(detections, serials),
  });
}

export function detectionDetail(detections: Detections, { argument: id }: Asked): Reply {
  const { tenant, living, faults } = detections;
  if (!/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(id)) {
    return errorReply(400, 'the identifier of the detection is not valid');
  }
  const serial = tenant.find(id);
  if (serial === undefined || !tenant.order.exists(serial)) return errorReply(404, 'no such detection');
  const status = faults.failDetail(serial);
  const sent = living.servedLater([serial], status === undefined ? PART.detail : PART.refusal);
  if (status !== undefined) return { ...errorReply(status, 'the detection could not be read'), sent };
  return jsonReply(tenant.detail(serial), sent);
}

export function recentDetections({ tenant }: Detections, { params }: Asked): Reply {
  const text = params.get('since');
  const since = text === null || text === '' ? undefined : readTime(text);
  if (text && since === undefined) return errorReply(400, 'since must be an ISO 8601 time');
  const from = since === undefined ? 0 : tenant.order.rankOf(since, true);
  const to = tenant.order.size();
  let unaddressed = 0;
  tenant.order.each(from, to, (serial) => {
    if (tenant.statusOf(serial) === 0) unaddressed++;
  });
  return jsonReply(JSON.stringify({ num_after: to - from, num_unaddressed: unaddressed }));
}

const CSV_COLUMNS = ['Id', 'PhoneticId', 'Severity', 'DetectionDescription', 'OccurrenceTime', 'Device', 'Status'];

function lineOf(detections: Detections, serial: number): string {
  const item = JSON.parse(detections.tenant.listItem(serial)) as Record<string, unknown>;
  const device = item.Device as { name?: string };
  const cells = CSV_COLUMNS.map((column) => (column === 'Device' ? device.name : item[column]));
  return csvLine(cells);
}

/** The export as lines: it has no pages, so each line is made when it is sent. */
function* csvLines(detections: Detections, query: ListQuery): Generator<string> {
  const { total, slice } = detections.selector.select(query);
  const serials = slice(0, total);
  yield csvLine(CSV_COLUMNS);
  for (const serial of serials) {
    detections.living.listed(serial);
    yield lineOf(detections, serial);
  }
}

export function detectionsCsv(detections: Detections, { params }: Asked): Reply {
  const query = readListQuery(params, detections.settings.maxPageSize);
  if ('problem' in query) return errorReply(400, query.problem);
  return { status: 200, type: 'text/csv; charset=utf-8', body: '', lines: csvLines(detections, query) };
}

/** The number of detections of each severity that pass the filters. The shape of the reply is assumed. */
export function severities({ settings, selector, tenant }: Detections, { params }: Asked): Reply {
  const query = readListQuery(params, settings.maxPageSize);
  if ('problem' in query) return errorReply(400, query.problem);
  const { total, slice } = selector.select(query);
  const counts = SEVERITIES.map((severity) => [severity, 0] as [string, number]);
  for (const serial of slice(0, total)) {
    const count = counts[severityIndex(tenant.facts, serial)];
    if (count !== undefined) count[1]++;
  }
  return jsonReply(JSON.stringify(Object.fromEntries(counts)));
}
