import { csvLine } from '../csv.ts';
import { writeEnvelope } from '../list-reply.ts';
import { type ListQuery, readListQuery } from '../query.ts';
import { errorReply, jsonReply, type Reply } from '../reply.ts';
import { readTime } from '../times.ts';
import type { World } from '../world.ts';
import { listItem } from './list-item.ts';
import type { Selection } from './selection.ts';

/** The detection endpoints, as functions from a query to a reply. Each reply is made at one moment of the tenant. */

/** Notes what was named, and which list items are all that will ever be known of a detection. */
function noteListed(world: World, serials: number[]): () => void {
  const { living, faults } = world;
  const whole: [serial: number, step: number][] = [];
  for (const serial of serials) {
    living.listed(serial);
    if (faults.detailFails(serial)) whole.push([serial, living.stepOf(serial)]);
  }
  return () => {
    for (const [serial, step] of whole) living.itemServed(serial, step);
  };
}

function writePage(world: World, query: ListQuery, selection: Selection): Reply {
  const { tenant, faults } = world;
  const { page, pageSize } = query;
  const from = (page - 1) * pageSize;
  const serials = selection.slice(from, from + pageSize);
  const items = serials.map((serial) => listItem(tenant.facts, tenant.momentOf(serial)));
  const sent = noteListed(world, serials);
  const due = items.length > 0 ? faults.due('list', 'list') : undefined;
  const [before] = due && from > 0 ? selection.slice(from - 1, from) : [];
  const previous = before === undefined ? undefined : tenant.listItem(before);
  const body = writeEnvelope({ page, pageSize, total: selection.total, items, previous }, due);
  return jsonReply(body, due ? undefined : sent);
}

export function listDetections(world: World, params: URLSearchParams): Reply {
  const query = readListQuery(params, world.settings.maxPageSize);
  if ('problem' in query) return errorReply(400, query.problem);
  const status = world.faults.failPage(query.page * query.pageSize, 'list');
  if (status !== undefined) return errorReply(status, 'the page could not be made');
  const selection = world.selector.select(query);
  const pages = Math.ceil(selection.total / query.pageSize);
  if (query.page > Math.max(1, pages)) return errorReply(404, 'the requested page does not exist');
  return writePage(world, query, selection);
}

export function detectionDetail(world: World, id: string): Reply {
  const { tenant, living, faults } = world;
  if (!/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(id)) {
    return errorReply(400, 'the identifier of the detection is not valid');
  }
  const serial = tenant.find(id);
  if (serial === undefined || !tenant.order.exists(serial)) return errorReply(404, 'no such detection');
  const status = faults.failDetail(serial);
  const step = living.stepOf(serial);
  const sent = () => living.served(serial, step);
  if (status !== undefined) return { ...errorReply(status, 'the detection could not be read'), sent };
  return jsonReply(tenant.detail(serial), sent);
}

export function recentDetections({ tenant }: World, params: URLSearchParams): Reply {
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

function lineOf(world: World, serial: number): string {
  const item = JSON.parse(world.tenant.listItem(serial)) as Record<string, unknown>;
  const device = item.Device as { name?: string };
  const cells = CSV_COLUMNS.map((column) => (column === 'Device' ? device.name : item[column]));
  return csvLine(cells);
}

/** The export as lines: not paged, so it is written while it is sent and never held whole. */
export function* csvLines(world: World, query: ListQuery): Generator<string> {
  const { total, slice } = world.selector.select(query);
  const serials = slice(0, total);
  yield csvLine(CSV_COLUMNS);
  for (const serial of serials) {
    world.living.listed(serial);
    yield lineOf(world, serial);
  }
}
