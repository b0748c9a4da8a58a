/** `sluice streams`: what there is to read. */
import type { Command } from 'commander';
import { streamsOf } from './shared/command-context.ts';
import type { Cli } from './shared/context.ts';
import { type CommonOptions, withConfig, withJson } from './shared/options.ts';
import { table } from './shared/table.ts';

export function addStreams(program: Command, cli: Cli): void {
  const command = program.command('streams').description('list the streams: endpoints, scopes, and how each is read');
  withConfig(withJson(command)).action(async (options: CommonOptions) => {
    const { json } = options;
    const streams = await streamsOf(cli, options);
    const rows = streams.map(({ connector, stream }) => ({
      stream: stream.name,
      connector: connector.name,
      ...stream.about,
    }));
    if (json) return cli.stdout.json(rows);
    const head = ['STREAM', 'WHAT', 'READING', 'SCOPES', 'ENDPOINTS'];
    const lines = rows.map((row) => [
      row.stream,
      row.title,
      row.reading,
      row.scopes.join(', '),
      row.endpoints.join(', '),
    ]);
    cli.stdout.lines(table([head, ...lines]));
  });
}
