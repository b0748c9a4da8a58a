/** Records as the simulator makes them, with the places where an id and a time are written in anew for each record served. */
import { startSimulator } from '../../simulator/index.ts';
import { getToken } from '../child/token.ts';
import { TENANT } from '../task.ts';

/** The text of a record, and where its id and its times begin. */
export interface Sample {
  bytes: Buffer;
  ids: number[];
  times: number[];
}

export interface Samples {
  /** As the vendor's list has them, about 390 bytes. */
  short: Sample[];
  /** List records with three artifacts and who was involved, about 1.6 KB. */
  full: Sample[];
  /** As `…/details` answers, about 5.7 KB; at the same places as their list records. */
  details: Sample[];
}

const SAMPLES = 800;
const PAGE = 200;
/** What every time is written over with: 24 characters. */
const SOME_TIME = '2026-01-01T00:00:00.000Z';
const TIMES = /("(?:OccurrenceTime|ReceivedTime)":")[^"]*"/g;

/** With the odd forms that the simulator knows: other spellings, other orders, members that are undocumented. */
export async function makeSamples(): Promise<Samples> {
  const options = { seed: 7, detections: SAMPLES, oddForms: true, ...TENANT, endTime: SOME_TIME };
  const simulator = await startSimulator(options);
  try {
    const headers = { authorization: `Bearer ${await getToken(simulator.url)}` };
    const read = async (path: string) => (await fetch(`${simulator.url}/detections/v2${path}`, { headers })).text();
    const samples: Samples = { short: [], full: [], details: [] };
    for (let page = 1; page <= SAMPLES / PAGE; page++) {
      const text = await read(`?page=${page}&page_size=${PAGE}`);
      for (const record of (JSON.parse(text) as { page_items: Record<string, unknown>[] }).page_items) {
        const id = String(record.Id ?? record.id);
        const detail = await read(`/${id}/details`);
        samples.short.push(sampleOf(JSON.stringify(record), id));
        samples.full.push(sampleOf(withArtifacts(record, JSON.parse(detail) as Detail), id));
        samples.details.push(sampleOf(detail, id));
      }
    }
    return samples;
  } finally {
    await simulator.close();
  }
}

interface Detail {
  AssociatedArtifacts?: { Type?: string }[];
  InvolvedArtifacts?: Record<string, unknown>;
}

/** The first process, file and user of the detail, and who was involved. */
function withArtifacts(
  record: Record<string, unknown>,
  { AssociatedArtifacts = [], InvolvedArtifacts }: Detail,
): string {
  const artifacts = ['Process', 'File', 'User'].flatMap(
    (type) => AssociatedArtifacts.find(({ Type }) => Type === type) ?? [],
  );
  const involved = Object.entries(InvolvedArtifacts ?? {}).filter(([role]) => role.startsWith('Instigating'));
  return JSON.stringify({
    ...record,
    AssociatedArtifacts: artifacts,
    InvolvedArtifacts: Object.fromEntries(involved),
  });
}

function sampleOf(json: string, id: string): Sample {
  const bytes = Buffer.from(json.replace(TIMES, `$1${SOME_TIME}"`));
  return { bytes, ids: placesOf(bytes, id), times: placesOf(bytes, SOME_TIME) };
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
