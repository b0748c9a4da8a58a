/** `sluice config`: what may stand in the config file. */
import type { Command } from 'commander';
import type { Connector } from '../api/connector.ts';
import { configHelp, configJsonSchema, exampleConfig } from '../config/load.ts';
import { streamsOf } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, withConfig } from './shared/options.ts';

export function addConfig(program: Command, cli: Cli): void {
  const config = withConfig(program.command('config'))
    .description('list every key of the config file with its type and default')
    .action(async (options: CommonOptions) => cli.stdout.page(configHelp(await connectorsOf(cli, options))));
  config
    .command('example')
    .description('print a config to start from')
    .action(() => cli.stdout.page(exampleConfig()));
  withConfig(config.command('schema'))
    .description('print the JSON Schema, for editors')
    .action(async (options: CommonOptions) =>
      cli.stdout.page(JSON.stringify(configJsonSchema(await connectorsOf(cli, options)), null, 2)),
    );
}

/** The built-in connectors, and those that the config names, where there is one. */
async function connectorsOf(cli: Cli, options: CommonOptions): Promise<Connector[]> {
  return [...new Set((await streamsOf(cli, options)).map(({ connector }) => connector))];
}
