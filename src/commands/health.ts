/** `sluice health`: asks the running Sluice how it is; for a container's health check. */
import type { Command } from 'commander';
import { messageOf, stopError, usageError } from '../api/errors.ts';
import type { Config } from '../engine/settings.ts';
import { openCommand } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, withCommon } from './shared/options.ts';

const TIMEOUT_MS = 5000;

interface HealthOptions extends CommonOptions {
  url?: string;
}

export function addHealth(program: Command, cli: Cli): void {
  const command = program
    .command('health')
    .description('ask a running `sluice run` how it is: exit code 0 when well, 1 when not')
    .option('--url <url>', 'where to ask (default: /healthz on health.port of the config)');
  withCommon(command).action((options: HealthOptions) => health(cli, options));
}

async function health(cli: Cli, options: HealthOptions): Promise<void> {
  const url = options.url ?? (await urlOf(cli, options));
  const { ok, text } = await ask(cli, url);
  if (options.json) cli.stdout.json(parsed(text) ?? { status: 'unreadable', said: text });
  else
    cli.stdout.lines(
      ok
        ? ['ok', ...linesOf(text, ({ state, why }) => (state === 'healthy' ? undefined : `${state}: ${why ?? ''}`))]
        : whatFails(text),
    );
  if (!ok) cli.setExitCode(1);
}

async function urlOf(cli: Cli, options: HealthOptions): Promise<string> {
  const { config } = await openCommand(cli, options);
  const url = placeOf(config, '/healthz');
  if (url === undefined) throw usageError('the config has no health.port', 'Set health.port, or say --url.');
  return url;
}

/** Where a running Sluice with this config answers; undefined where it does not. */
export function placeOf({ health: { host, port } }: Pick<Config, 'health'>, path: string): string | undefined {
  if (port === 0) return undefined;
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${here.includes(':') ? `[${here}]` : here}:${port}${path}`;
}

async function ask(cli: Cli, url: string): Promise<{ ok: boolean; text: string }> {
  if (!URL.canParse(url)) throw usageError(`--url ${JSON.stringify(url)} is no URL`);
  try {
    const signal = AbortSignal.any([cli.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const reply = await fetch(url, { signal, redirect: 'manual' });
    return { ok: reply.ok, text: await reply.text() };
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
    throw stopError(`nobody answers on ${url}: ${why}`, 'Is `sluice run` running with this config?');
  }
}

interface Finding {
  pipeline: string;
  state: string;
  ok: boolean;
  why?: string;
  advice?: string;
}

function withAdvice(why: string, advice: string | undefined): string {
  return advice === undefined ? why : `${why} → ${advice}`;
}

function whatFails(text: string): string[] {
  const lines = linesOf(text, ({ ok, why, advice }) => (ok ? undefined : withAdvice(why ?? 'failing', advice)));
  return lines.length > 0 ? lines : [text.trim()];
}

/** A line for each pipeline of which there is something to say. */
function linesOf(text: string, said: (finding: Finding) => string | undefined): string[] {
  const { pipelines } = (parsed(text) ?? {}) as { pipelines?: Finding[] };
  if (!Array.isArray(pipelines)) return [];
  const lines = pipelines.map((finding) => ({ name: finding.pipeline, what: said(finding) }));
  return lines.flatMap(({ name, what }) => (what === undefined ? [] : [`${name}: ${what}`]));
}

/** Another program may answer there, with any text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
