/**
 * `sluice setup elasticsearch` with `latest: true`: an index for each stream and source whose records change, under an
 * alias, filled with what the data stream holds. A second run changes nothing.
 */
import { z } from 'zod';
import { dataStreamOf } from '../bulk.ts';
import type { EsClient } from '../client.ts';
import { differing } from '../data-streams.ts';
import { ask } from '../setup.ts';
import { completeLatest } from './complete.ts';
import { latestOf, type Of } from './names.ts';
import type { LatestWriting } from './write.ts';

export interface LatestResult {
  name: string;
  action: 'created' | 'updated' | 'made anew' | 'filled' | 'unchanged';
  /** How many documents it was filled from. */
  documents: number;
}

interface LatestSetup {
  of: readonly Of[];
  dryRun?: boolean;
  signal: AbortSignal;
}

const ADVICE =
  'Run setup with an account that has the index privileges `manage`, `index` and `read` on latest-*, and `read` on logs-*.';
const NEEDS = { what: 'the newest revisions be kept', advice: ADVICE };

export async function setupLatest(writing: LatestWriting, setup: LatestSetup): Promise<LatestResult[]> {
  const results: LatestResult[] = [];
  for (const of of setup.of) results.push(await setUpOne(writing, of, setup));
  return results;
}

async function setUpOne(writing: LatestWriting, of: Of, { dryRun, signal }: LatestSetup): Promise<LatestResult> {
  const { client } = writing;
  const name = latestOf(of);
  const index = await indexUnder(client, name, signal);
  if (index === undefined) {
    if (dryRun) return { name, action: 'created', documents: 0 };
    const first = `${name}-000001`;
    await manage(client, 'PUT', `/${first}`, { aliases: { [name]: { is_write_index: true } } }, signal);
    return { name, action: 'created', documents: await fill(writing, of, first, signal) };
  }
  const there = await mappingOf(client, index, signal);
  const wanted = await wantedOf(client, index, signal);
  if (differing(wanted, there).length > 0) {
    if (dryRun) return { name, action: 'updated', documents: 0 };
    if (!(await takesMapping(client, index, wanted, signal))) return madeAnew(writing, of, index, signal);
    const documents = isFilled(there) ? 0 : await fill(writing, of, index, signal);
    return { name, action: 'updated', documents };
  }
  if (isFilled(there)) return { name, action: 'unchanged', documents: 0 };
  return { name, action: 'filled', documents: dryRun ? 0 : await fill(writing, of, index, signal) };
}

/** New fields can be added; a field of another type needs another index. */
async function takesMapping(client: EsClient, index: string, wanted: Mapping, signal: AbortSignal): Promise<boolean> {
  const { _meta, ...body } = wanted;
  const request = { method: 'PUT' as const, path: `/${index}/_mapping`, body, signal };
  return (await ask(client, request, { missing: 400, needs: NEEDS })) !== undefined;
}

/** The alias moves first, so that nothing that is written meanwhile is missed; until it is filled, records are missing. */
async function madeAnew(writing: LatestWriting, of: Of, old: string, signal: AbortSignal): Promise<LatestResult> {
  const { client } = writing;
  const name = latestOf(of);
  const next = `${name}-${String(Number(/\d+$/.exec(old)?.[0] ?? 0) + 1).padStart(6, '0')}`;
  await manage(client, 'PUT', `/${next}`, {}, signal);
  const actions = [
    { remove: { index: old, alias: name } },
    { add: { index: next, alias: name, is_write_index: true } },
  ];
  await manage(client, 'POST', '/_aliases', { actions }, signal);
  const documents = await fill(writing, of, next, signal);
  await manage(client, 'DELETE', `/${old}`, undefined, signal);
  return { name, action: 'made anew', documents };
}

/** The mark comes last: a fill that was interrupted is begun again by the next `setup`. */
async function fill(writing: LatestWriting, of: Of, index: string, signal: AbortSignal): Promise<number> {
  const documents = await completeLatest(writing, { from: dataStreamOf('logs', of), of, signal });
  await manage(writing.client, 'PUT', `/${index}/_mapping`, { _meta: { [FILLED]: true } }, signal);
  return documents;
}

const FILLED = 'sluice_filled';

function isFilled({ _meta }: Mapping): boolean {
  return (_meta as Mapping | undefined)?.[FILLED] === true;
}

type Mapping = Record<string, unknown>;
const BODY = z.record(z.string(), z.unknown());
const MAPPINGS = z.record(z.string(), z.object({ mappings: BODY.default({}) }));
const SIMULATED = z.object({ template: z.object({ mappings: BODY.default({}) }).default({ mappings: {} }) });

async function indexUnder(client: EsClient, alias: string, signal: AbortSignal): Promise<string | undefined> {
  const request = { method: 'GET' as const, path: `/_alias/${alias}`, shape: BODY, signal };
  const found = await ask(client, request, { missing: 404, needs: NEEDS });
  return found === undefined ? undefined : Object.keys(found).sort().at(-1);
}

async function mappingOf(client: EsClient, index: string, signal: AbortSignal): Promise<Mapping> {
  const request = { method: 'GET' as const, path: `/${index}/_mapping`, shape: MAPPINGS, signal };
  return (await ask(client, request, { needs: NEEDS }))?.[index]?.mappings ?? {};
}

async function wantedOf(client: EsClient, index: string, signal: AbortSignal): Promise<Mapping> {
  const path = `/_index_template/_simulate_index/${encodeURIComponent(index)}`;
  return (await ask(client, { method: 'POST', path, shape: SIMULATED, signal }))?.template.mappings ?? {};
}

async function manage(
  client: EsClient,
  method: 'PUT' | 'POST' | 'DELETE',
  path: string,
  body: Record<string, unknown> | undefined,
  signal: AbortSignal,
): Promise<void> {
  await ask(client, { method, path, ...(body === undefined ? {} : { body }), signal }, { needs: NEEDS });
}
