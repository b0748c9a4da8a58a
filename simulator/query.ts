import { readTime } from './times.ts';

/** The documented parameters of the detection list, read and checked. */
export interface ListQuery extends Paging {
  start?: number;
  end?: number;
  severity: string[];
  status: string[];
  detectionType: string[];
  detectedOn: string[];
  eventNumber: string[];
  device: string[];
  sort: SortField;
  descending: boolean;
}

/** The sort fields of the guide, and one more that public clients use. */
export const SORT_FIELDS = [
  'Severity',
  'OccurrenceTime',
  'Status',
  'Device',
  'PhoneticId',
  'Description',
  'ReceivedTime',
] as const;
export type SortField = (typeof SORT_FIELDS)[number];

/** A parameter that the vendor refuses with 400; the message goes into the reply. */
export interface BadQuery {
  problem: string;
}

function wholeNumber(params: URLSearchParams, name: string, preset: number): number {
  const text = params.get(name);
  if (text === null || text === '') return preset;
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

function time(params: URLSearchParams, name: string): number | undefined {
  const text = params.get(name);
  if (text === null || text === '') return undefined;
  return readTime(text) ?? Number.NaN;
}

/** The values of a parameter. They are compared in any casing and never split, since rule names hold commas and colons. */
function values(params: URLSearchParams, name: string): string[] {
  return params.getAll(name).map((value) => value.trim().toLowerCase());
}

function readSort(params: URLSearchParams): { sort?: SortField; descending: boolean } {
  const text = params.get('sort') ?? '-OccurrenceTime';
  const descending = text.startsWith('-');
  const wanted = text.replace(/^[-+ ]/, '').toLowerCase();
  return { sort: SORT_FIELDS.find((field) => field.toLowerCase() === wanted), descending };
}

/** The parameters of every list. */
export interface Paging {
  page: number;
  pageSize: number;
}

export function readPaging(params: URLSearchParams, maxPageSize: number): Paging | BadQuery {
  const page = wholeNumber(params, 'page', 1);
  const pageSize = wholeNumber(params, 'page_size', 20);
  if (!(page > 0) || !(pageSize > 0)) return { problem: 'page and page_size must be whole numbers above zero' };
  return { page, pageSize: Math.min(pageSize, maxPageSize) };
}

export function readListQuery(params: URLSearchParams, maxPageSize: number): ListQuery | BadQuery {
  const paging = readPaging(params, maxPageSize);
  if ('problem' in paging) return paging;
  // Public clients use `since` in the list, although the guide only has it for counts.
  const start = time(params, params.has('since') ? 'since' : 'start');
  const end = time(params, 'end');
  if (Number.isNaN(start) || Number.isNaN(end)) return { problem: 'start, end and since must be ISO 8601 times' };
  const { sort, descending } = readSort(params);
  if (!sort) return { problem: `sort must be one of ${SORT_FIELDS.join(', ')}` };
  return {
    start,
    end,
    severity: values(params, 'severity'),
    status: values(params, 'status'),
    detectionType: values(params, 'detection_type'),
    detectedOn: values(params, 'detected_on'),
    eventNumber: values(params, 'event_number'),
    device: values(params, 'device'),
    ...paging,
    sort,
    descending,
  };
}
