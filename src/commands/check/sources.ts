/** The rows of the sources: address, credentials, clock, scopes, size of a page, and each stream. */
import type { VendorClient } from '../../api/client.ts';
import { actionOf, SluiceError } from '../../api/errors.ts';
import type { PipelinePlan } from '../../engine/build.ts';
import { plural } from '../../observe/show.ts';
import type { CommandContext } from '../shared/command-context.ts';
import type { Cli } from '../shared/context.ts';
import { firstRecords, streamContextFor } from '../shared/probe.ts';
import { type Scopes, watchScopes } from '../shared/scopes.ts';
import { attempt, type CheckRow } from './row.ts';
import { clockRows, type Dates } from './source-clock.ts';

const DAY_MS = 86_400_000;

export async function checkSources(
  cli: Cli,
  context: CommandContext,
  plans: PipelinePlan[],
  dates: Dates,
): Promise<CheckRow[]> {
  const perSource = context.config.sources.map(async (source): Promise<CheckRow[]> => {
    const part = `source ${source.name}`;
    const ours = plans.filter((plan) => plan.source === source);
    const [first] = ours;
    if (first === undefined) return [];
    const said = (first.registered.connector.check?.(source) ?? []).map((line) => ({ part, ...line }));
    const credentials = await attempt(part, 'credentials', cli.signal, async (signal) => {
      await first.client.authenticate(signal);
      return 'accepted';
    });
    const clock = () => clockRows(part, dates.aheadMs(source.name));
    if (!credentials.ok) return [...said, credentials, ...clock()];
    const scopes = watchScopes(
      ours.filter((plan, index) => ours.findIndex((one) => one.registered === plan.registered) === index),
    );
    const streams = (await Promise.all(scopes.plans.map((plan) => checkStream(cli, context, plan)))).flat();
    const granted = await scopeRows(cli, part, scopes);
    const page = await pageRows(cli, context, scopes.plans, streams);
    return [...said, credentials, ...clock(), ...granted.rows, ...page, ...withoutRepeats(streams, granted.missing)];
  });
  return (await Promise.all(perSource)).flat();
}

/** What the application has, against what all streams of the source need: what is missing in one line for who can grant it. */
async function scopeRows(cli: Cli, part: string, scopes: Scopes): Promise<{ rows: CheckRow[]; missing: string[] }> {
  const needed = [...new Set(scopes.plans.flatMap(({ registered }) => registered.stream.about.scopes))];
  const named = needed.filter((scope) => scope !== '');
  if (named.length === 0) return { rows: [], missing: [] };
  const what = 'scopes';
  let lacking: Awaited<ReturnType<Scopes['missing']>> = [];
  const asked = await attempt(part, what, cli.signal, async (signal) => {
    lacking = await scopes.missing(signal);
    return `all ${named.length} that the ${plural(scopes.plans.length, 'stream')} need`;
  });
  if (!asked.ok || lacking.length === 0) return { rows: [asked], missing: [] };
  const missing = lacking.map(({ scope }) => scope);
  const detail = `missing: ${lacking.map(({ scope, streams }) => `${scope} (${streams.join(', ')})`).join('; ')}`;
  const others = named.filter((scope) => !missing.includes(scope));
  const beside = others.length === 0 ? '' : ` It has, and keeps: ${others.join(', ')}.`;
  const advice = `For whoever administers the console: grant the application these scopes (Settings > Integrations): ${missing.join(', ')}.${beside}`;
  return { rows: [{ part, what, ok: false, detail, advice }], missing };
}

/** The row of the scopes says it for all of them. */
function withoutRepeats(rows: readonly CheckRow[], missing: readonly string[]): CheckRow[] {
  const isTold = (row: CheckRow) => missing.some((scope) => row.advice?.includes(`"${scope}"`));
  return rows.map((row) => (isTold(row) ? { ...row, advice: undefined } : row));
}

/** One list request, and one detail where a record is at hand. */
async function checkStream(cli: Cli, context: CommandContext, plan: PipelinePlan): Promise<CheckRow[]> {
  const { registered, source } = plan;
  const { stream } = registered;
  const part = `source ${source.name}`;
  let records: unknown[] = [];
  const list = await attempt(part, `${stream.name} list`, cli.signal, async (signal) => {
    const toMs = cli.now();
    const streamContext = streamContextFor(context, plan, signal);
    records = await firstRecords(plan, streamContext, { fromMs: toMs - DAY_MS, toMs }, 1);
    if (stream.mode !== 'windows') return records.length > 0 ? 'can be read' : 'can be read; there is no record';
    if (records.length > 0) return 'records of the last 24 hours can be read';
    records = await firstRecords(plan, streamContext, { fromMs: toMs - 365 * DAY_MS, toMs }, 1);
    return records.length > 0 ? 'can be read; none in the last 24 hours' : 'can be read; no record within a year';
  });
  if (!list.ok || stream.detail === undefined || !source.reading.details) return [list];
  const [record] = records;
  const what = `${stream.name} detail`;
  if (record === undefined) return [list, { part, what, ok: true, detail: 'not tried: there is no record' }];
  const detail = await attempt(part, what, cli.signal, async (signal) => {
    const streamContext = streamContextFor(context, plan, signal);
    await stream
      .detail?.(streamContext, stream.key(record), record, () => false)
      .catch((error: unknown) => {
        if (actionOf(error) !== 'skip') throw error;
      });
    return 'can be read';
  });
  return [list, detail];
}

/** One page of the size that the config asks for, of the first list that can be read: a vendor may give less, or refuse it. */
async function pageRows(
  cli: Cli,
  context: CommandContext,
  plans: PipelinePlan[],
  rows: CheckRow[],
): Promise<CheckRow[]> {
  const isRead = ({ registered: { stream } }: PipelinePlan) =>
    stream.mode !== 'children' && rows.some(({ what, ok }) => ok && what === `${stream.name} list`);
  for (const plan of plans.filter(isRead)) {
    const row = await pageRow(cli, context, plan);
    if (row !== undefined) return [row];
  }
  return []; // a vendor without pages, or nothing to read
}

/** Undefined where no page of that size was asked for. */
async function pageRow(cli: Cli, context: CommandContext, plan: PipelinePlan): Promise<CheckRow | undefined> {
  const { name, reading } = plan.source;
  const wanted = reading.pageSize;
  const pages: Pages = {};
  const noted = { ...plan, client: notingPages(plan.client, wanted, pages) };
  const row = await attempt(`source ${name}`, 'page size', cli.signal, async (signal) => {
    const streamContext = streamContextFor(context, noted, signal);
    const settings = { ...streamContext.settings, pageSize: wanted };
    const toMs = cli.now();
    await firstRecords(noted, { ...streamContext, settings }, { fromMs: toMs - DAY_MS, toMs }, 1);
    return `${wanted} records a page`;
  });
  const { refused, given } = pages;
  if (refused !== undefined) {
    const advice = `Smaller pages were given: lower reading.page_size of the source (it is ${wanted}). Until then, each page costs requests more.`;
    return { ...row, ok: false, detail: refused.message, advice };
  }
  if (!row.ok) return row;
  if (given === undefined || given >= wanted) return given === undefined ? undefined : row;
  const detail = `the vendor gives ${given} records a page, where reading.page_size is ${wanted}: it is gone along with`;
  const advice = `Set reading.page_size of the source to ${given}, so that a backfill is planned with the right number of requests.`;
  return { ...row, isWarning: true, detail, advice };
}

interface Pages {
  /** The size of the first page, as the vendor gave it. */
  given?: number;
  /** The vendor refused a page of the size that was asked for. */
  refused?: SluiceError;
}

/** Notes what the vendor makes of pages of this size, as the connector reads its replies. */
function notingPages(client: VendorClient, wanted: number, pages: Pages): VendorClient {
  return {
    ...client,
    async json(request) {
      if (request.query?.page_size !== wanted) return client.json(request);
      try {
        const reply = await client.json(request);
        const { pageSize, records } = (reply ?? {}) as { pageSize?: unknown; records?: unknown };
        if (typeof pageSize === 'number' && Array.isArray(records)) pages.given ??= pageSize;
        return reply;
      } catch (error) {
        if (error instanceof SluiceError && error.action === 'reject') pages.refused ??= error;
        throw error;
      }
    },
  };
}
