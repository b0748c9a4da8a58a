/** `sluice config`: what may stand in the config file. */
import type { Command } from 'commander';
import type { Connector } from '../api/connector.ts';
import { configHelp, configJsonSchema, exampleConfig } from '../config/load.ts';
import type { Cli } from './shared/context.ts';

export function addConfig(program: Command, cli: Cli): void {
  const config = program
    .command('config')
    .description('list every key of the config file with its type and default')
    .action(() => cli.stdout.page(configHelp(connectorsOf(cli))));
  config
    .command('example')
    .description('print a config to start from')
    .action(() => cli.stdout.page(exampleConfig()));
  config
    .command('schema')
    .description('print the JSON Schema, for editors')
    .action(() => cli.stdout.page(JSON.stringify(configJsonSchema(connectorsOf(cli)), null, 2)));
}

function connectorsOf({ streams }: Cli): Connector[] {
  return [...new Set(streams.map(({ connector }) => connector))];
}
