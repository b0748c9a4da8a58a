/** `sluice config`: what may stand in the config file. */
import type { Command } from 'commander';
import { configHelp, configJsonSchema, exampleConfig } from '../config/load.ts';
import type { Cli } from './shared/context.ts';

export function addConfig(program: Command, cli: Cli): void {
  const config = program
    .command('config')
    .description('list every key of the config file with its type and default')
    .action(() => cli.stdout.page(configHelp()));
  config
    .command('example')
    .description('print a config to start from')
    .action(() => cli.stdout.page(exampleConfig()));
  config
    .command('schema')
    .description('print the JSON Schema, for editors')
    .action(() => cli.stdout.page(JSON.stringify(configJsonSchema(), null, 2)));
}
