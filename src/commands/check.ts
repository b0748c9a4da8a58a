/** `sluice check`: what works and what is missing, without reading or writing anything to speak of. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { orAborted } from '../api/abort.ts';
import { actionOf, messageOf, SluiceError } from '../api/errors.ts';
import type { CheckLine } from '../api/sink.ts';
import { type BuildTools, build, openSink, type PipelinePlan } from '../engine/build.ts';
import { plural } from '../observe/show.ts';
import { hasState } from '../state/files.ts';
import { idOfState, isStateInUse, verifyState } from '../state/sqlite.ts';
import { type CommandContext, openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, withCommon } from './shared/options.ts';
import { firstRecords, impatient, PROBE_MS, streamContextFor } from './shared/probe.ts';
import { type Missing, type Scopes, watchScopes } from './shared/scopes.ts';
import { declaredStreams, placesOf } from './shared/select.ts';
import { table } from './shared/table.ts';

const DAY_MS = 86_400_000;

interface Row extends CheckLine {
  /** `source acme`, `sink files`. */
  part: string;
}

export function addCheck(program: Command, cli: Cli): void {
  const command = program
    .command('check')
    .description('try the config, every credential, stream and sink; says what is missing');
  withCommon(command).action((options: CommonOptions) => check(cli, options));
}

async function check(cli: Cli, options: CommonOptions): Promise<void> {
  const context = await openCommand(cli, options);
  context.config = impatient(context.config);
  const built = build(context.config, context.tools, false);
  try {
    const [sources, sinks] = await Promise.all([checkSources(cli, context, built.plans), checkSinks(cli, context)]);
    const rows = [configRow(context), ...(await stateRows(context)), ...sources, ...sinks];
    print(cli, rows, options.json ?? false);
    if (rows.some(({ ok }) => !ok)) cli.setExitCode(1);
  } finally {
    await built.close();
  }
}

function configRow({ config, warnings }: CommandContext): Row {
  const counts = `${plural(config.sources.length, 'source')}, ${plural(config.sinks.length, 'sink')}`;
  const detail = warnings.length === 0 ? counts : `${counts}, ${plural(warnings.length, 'warning')} (above)`;
  return { part: 'config', what: 'valid', ok: true, detail };
}

async function stateRows(context: CommandContext): Promise<Row[]> {
  const { path } = context.config.state;
  const open: string[] = [];
  const place = { ...context.config.state, tell: (text: string) => open.push(text) };
  const usable = await attempt('state', 'usable', undefined, async () => {
    const inUse = isStateInUse(place) ? `${path}, in use by a running Sluice` : path;
    verifyState({ ...place, now: context.tools.now });
    return inUse;
  });
  return [usable, ...open.map((detail) => ({ part: 'state', what: 'private', ok: true, isWarning: true, detail }))];
}

async function checkSources(cli: Cli, context: CommandContext, plans: PipelinePlan[]): Promise<Row[]> {
  const perSource = context.config.sources.map(async (source) => {
    const part = `source ${source.name}`;
    const ours = plans.filter((plan) => plan.source === source);
    const [first] = ours;
    if (first === undefined) return [];
    const credentials = await attempt(part, 'credentials', cli.signal, async (signal) => {
      await first.client.authenticate(signal);
      return 'accepted';
    });
    if (!credentials.ok) return [credentials];
    const scopes = watchScopes(
      ours.filter((plan, index) => ours.findIndex((one) => one.registered === plan.registered) === index),
    );
    const rows = (await Promise.all(scopes.plans.map((plan) => checkStream(cli, context, plan)))).flat();
    return [credentials, ...(await withScopes(cli, part, scopes, rows))];
  });
  return (await Promise.all(perSource)).flat();
}

/** Where several scopes are missing, or one that no request has met, one row names them all. */
async function withScopes(cli: Cli, part: string, scopes: Scopes, rows: Row[]): Promise<Row[]> {
  let missing: Missing[] = [];
  const asked = await attempt(part, 'scopes', cli.signal, async (signal) => {
    missing = await scopes.missing(signal);
    return '';
  });
  if (!asked.ok) return [asked, ...rows];
  if (missing.length < 2 && !missing.some(({ isBehind }) => isBehind)) return rows;
  const detail = `missing: ${missing.map(({ scope, streams }) => `${scope} (${streams.join(', ')})`).join('; ')}`;
  const names = missing.map(({ scope }) => scope).join(', ');
  const advice = `Grant the application these scopes in the console (Settings > Integrations): ${names}.`;
  const isTold = (row: Row) => missing.some(({ scope }) => row.advice?.includes(`"${scope}"`));
  return [
    { part, what: 'scopes', ok: false, detail, advice },
    ...rows.map((row) => (isTold(row) ? { ...row, advice: undefined } : row)),
  ];
}

/** One list request, and one detail where a record is at hand. */
async function checkStream(cli: Cli, context: CommandContext, plan: PipelinePlan): Promise<Row[]> {
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

function checkSinks(cli: Cli, context: CommandContext): Promise<Row[]> {
  const { tools } = context;
  const perSink = context.config.sinks.map(async (settings): Promise<Row[]> => {
    const part = `sink ${settings.name}`;
    const places = placesOf(context.config, settings.name);
    const dataStreams = places.map(({ stream, namespace }) => `logs-${stream}-${namespace}`);
    const rows: Row[] = [];
    const failed = await attempt(part, 'reachable', cli.signal, async (signal) => {
      const streams = declaredStreams(context.config, context.tools.streams);
      const withStreams = { ...settings, dataStreams, places, streams };
      const sink = openSink(withStreams, { ...tools, owner: ownerIn(context) });
      try {
        rows.push(...(await sink.check(signal)).map((line) => ({ part, ...line })));
      } finally {
        await sink.close();
      }
      return '';
    });
    return failed.ok ? rows : [...rows, failed];
  });
  return Promise.all(perSink).then((rows) => rows.flat());
}

/** The state that files should belong to, without an id where it is still to be made; undefined where it cannot be read. */
function ownerIn({ state }: CommandContext): BuildTools['owner'] {
  try {
    const id = hasState(state.path) ? idOfState(state.path) : '';
    return id === undefined ? undefined : { state: id, path: resolve(state.path), adopt: false };
  } catch {
    return undefined; // the row of the state says why
  }
}

/** A row for an attempt: its detail is what `work` returns, or the error that it throws. */
async function attempt(
  part: string,
  what: string,
  stop: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<string>,
): Promise<Row> {
  const late = AbortSignal.timeout(PROBE_MS);
  const signal = stop === undefined ? late : AbortSignal.any([stop, late]);
  try {
    return { part, what, ok: true, detail: await orAborted(work(signal), signal) };
  } catch (error) {
    stop?.throwIfAborted();
    if (late.aborted) {
      const advice = 'Check the address, the network and the proxy.';
      return { part, what, ok: false, detail: `no answer within ${PROBE_MS / 1000} s`, advice };
    }
    const advice = error instanceof SluiceError ? error.advice : undefined;
    return { part, what, ok: false, detail: messageOf(error), advice };
  }
}

function markOf({ ok, isWarning }: Row): string {
  if (!ok) return '✗';
  return isWarning ? '!' : '✓';
}

function print(cli: Cli, rows: Row[], json: boolean): void {
  const { stdout } = cli;
  if (json) return void stdout.json({ ok: rows.every(({ ok }) => ok), checks: rows });
  stdout.lines(table(rows.map((row) => [markOf(row), row.part, row.what, row.detail])));
  const bad = rows.filter(({ ok }) => !ok);
  for (const { part, what, advice } of bad) if (advice !== undefined) stdout.line(`→ ${part}, ${what}: ${advice}`);
  stdout.line(bad.length === 0 ? 'Everything works.' : `${bad.length} of ${plural(rows.length, 'check')} failed.`);
}
