import { readFaultPlan } from './fault-plan.ts';
import { fillLiving } from './living-options.ts';
import { COUNTED, ENDPOINTS, SCOPES } from './resources.ts';
import type { Settings, SimulatorOptions } from './settings.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const MAX_DETECTIONS = 100_000_000;
function readEnd(text: string | undefined): number {
  const time = text === undefined ? Math.floor((Date.now() - 10 * MINUTE) / MINUTE) * MINUTE : Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`simulator: endTime is not an ISO time: ${text}`);
  return time;
}

function whole(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new Error(`simulator: ${name} must be a whole number from 0 to ${most}, not ${value}`);
}

function checkedItems(counts: Readonly<Record<string, number>>): Record<string, number> {
  for (const [name, count] of Object.entries(counts)) {
    const known = Object.keys(COUNTED);
    if (!known.includes(name))
      throw new Error(`simulator: there is no resource "${name}" with items to count; known: ${known.join(', ')}`);
    whole(name, count, 100_000);
  }
  return { ...counts };
}

export function fillOptions(options: SimulatorOptions): Settings {
  const { seed } = options;
  const detections = whole('detections', options.detections, MAX_DETECTIONS);
  if (!Number.isSafeInteger(seed)) throw new Error(`simulator: seed must be a whole number, not ${seed}`);
  const endTime = readEnd(options.endTime);
  const oddForms = options.oddForms ?? false;
  return {
    port: options.port ?? 0,
    httpsPort: options.httpsPort ?? 0,
    host: options.host ?? '127.0.0.1',
    seed,
    detections,
    instaQueries: whole('instaQueries', options.instaQueries ?? 0, 1_000_000),
    resultsPerQuery: whole('resultsPerQuery', options.resultsPerQuery ?? 40, 1_000_000),
    giantResults: whole('giantResults', options.giantResults ?? 0, 99_999_999),
    giantResultForm: options.giantResultForm ?? (oddForms ? 'object' : 'string'),
    retrievedFiles: whole('retrievedFiles', options.retrievedFiles ?? 0, 1_000_000),
    retrievedFilesShape: options.retrievedFilesShape ?? (oddForms ? 'array' : 'envelope'),
    bareArrayPaged: options.bareArrayPaged ?? true,
    items: checkedItems(options.items ?? {}),
    apex: { ...options.apex, footprints: whole('apex.footprints', options.apex?.footprints ?? 0, 10_000) },
    tenantId: options.tenantId,
    applicationId: options.applicationId,
    applicationSecret: options.applicationSecret,
    scopes: options.scopes ?? [...SCOPES],
    tokenSeconds: options.tokenSeconds ?? 1800,
    latencyMs: options.latencyMs ?? 0,
    tls: options.tls,
    living: fillLiving(options.living),
    faults: readFaultPlan(options.faults ?? [], ENDPOINTS),
    plantSecrets: options.plantSecrets ?? false,
    oddForms,
    ties: whole('ties', options.ties ?? 0, 1_000_000),
    filterBy: options.filterBy ?? 'occurrence',
    startTime: endTime - (options.spanDays ?? 90) * DAY,
    endTime,
    startInclusive: options.startInclusive ?? true,
    endInclusive: options.endInclusive ?? false,
    maxPageSize: options.maxPageSize ?? 1000,
    gzip: options.gzip ?? false,
    validators: options.validators,
  };
}
