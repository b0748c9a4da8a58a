/** `sluice setup kibana`: data views, dashboards, saved searches and detection rules. A second run changes nothing but their dates. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { messageOf, usageError } from '../../../api/errors.ts';
import type { Cli } from '../../shared/context.ts';
import { withJson, withLogLevel } from '../../shared/options.ts';
import { table } from '../../shared/table.ts';
import { connectKibana } from './client.ts';
import { type Installed, install, versionOf } from './import.ts';

interface KibanaOptions {
  kibana: string;
  apiKey?: string;
  space?: string;
  rules: boolean;
  latest?: boolean;
  caFile?: string;
  insecure?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

/** Where the key is looked for when no option says. */
const VARIABLE = 'KIBANA_API_KEY';

export function addSetupKibana(setup: Command, cli: Cli): void {
  const command = setup
    .command('kibana')
    .description('import data views, dashboards, saved searches and detection rules; needs no config')
    .requiredOption('--kibana <url>', 'where Kibana is, with its base path if it has one')
    .option(
      '--api-key <reference>',
      `an API key of Kibana: '\${NAME}' or file:PATH (default: $${VARIABLE}, if it is set)`,
    )
    .option('--space <id>', 'the space to import into (default: the default space)')
    .option('--latest', 'for a cluster that keeps latest-*: panels of what is now ask those indices')
    .option('--no-rules', 'leave the detection rules out')
    .option('--ca-file <file>', 'authorities beside those that Node trusts, as PEM')
    .option('--insecure', 'accept any certificate: for tests in closed networks only')
    .option('--dry-run', 'say what would be imported, and change nothing');
  withLogLevel(withJson(command)).action((options: KibanaOptions) => setUp(cli, options));
}

async function setUp(cli: Cli, options: KibanaOptions): Promise<void> {
  const apiKey = keyOf(cli, options.apiKey);
  const { kibana: url, space, caFile, insecure = false, rules, latest = false, dryRun = false } = options;
  const content = await cli.content();
  const kibana = connectKibana({ url, apiKey, space, caFile, insecure, env: cli.env, signal: cli.signal });
  try {
    const version = await versionOf(kibana);
    cli.stderr.line(`Kibana ${version}${space === undefined ? '' : `, space ${space}`}`);
    print(cli, await install(kibana, { content, rules, latest, dryRun }), options);
  } finally {
    kibana.close();
  }
}

/** The key itself on a command line would be seen in every list of processes. */
function keyOf({ env, redactor }: Cli, reference: string | undefined): string | undefined {
  const key = reference === undefined ? env[VARIABLE]?.trim() || undefined : read(env, reference);
  if (key !== undefined) redactor.protect(key);
  return key;
}

function read(env: Cli['env'], reference: string): string {
  const [, name] = /^\$\{(\w+)\}$/.exec(reference) ?? [];
  if (name !== undefined) {
    const value = env[name]?.trim();
    if (value) return value;
    throw usageError(`--api-key: the variable ${name} is not set`, `Set ${name}, or name another.`);
  }
  if (!reference.startsWith('file:')) {
    const advice = `Write --api-key '\${NAME}' (in single quotes), or --api-key file:/run/secrets/kibana.`;
    throw usageError('--api-key takes a reference, not the key: others could read it in the list of processes', advice);
  }
  const path = reference.slice('file:'.length);
  try {
    const value = readFileSync(path, 'utf8').trim();
    if (value !== '') return value;
  } catch (error) {
    throw usageError(`--api-key: the file ${path} cannot be read: ${messageOf(error)}`);
  }
  throw usageError(`--api-key: the file ${path} is empty`);
}

const KINDS: Readonly<Record<string, string>> = { 'index-pattern': 'data view', search: 'saved search' };

function print(cli: Cli, done: readonly Installed[], { json, dryRun = false }: KibanaOptions): void {
  if (json) return void cli.stdout.json({ dryRun, objects: done });
  const word = (action: Installed['action']) => (dryRun && action !== 'unchanged' ? `would be ${action}` : action);
  cli.stdout.lines(table(done.map(({ kind, name, action }) => [KINDS[kind] ?? kind, name, word(action)])));
  const isNew = done.some(({ kind, action }) => kind === 'rule' && action === 'created');
  if (isNew && !dryRun) cli.stdout.line('New rules are disabled: enable those that you want, in Security, Rules.');
}
