/** `sluice init connector`: a connector of one's own to start from, which works and is tested. */
import { cpSync, existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { usageError } from '../../api/errors.ts';
import type { Cli } from '../shared/context.ts';

/** Where the example is: beside the sources, or beside what was built of them. */
function exampleFolder(): string {
  const found = ['../../..', '../../../..']
    .map((up) => join(import.meta.dirname, up, 'examples', 'acme'))
    .find(existsSync);
  if (found === undefined) throw new Error('the example is missing in this installation');
  return found;
}

export function initConnector(cli: Cli, name: string): void {
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    throw usageError(
      `${JSON.stringify(name)} is no name of a connector`,
      'Use lower case letters, digits and underscores.',
    );
  if (cli.streams.some(({ connector }) => connector.name === name))
    throw usageError(`there is a connector ${name} already`, 'Choose another name.');
  if (existsSync(name)) throw usageError(`${name} is there already`, 'Choose another name, or another folder.');
  cpSync(exampleFolder(), name, { recursive: true });
  const title = name.replace(/(?:^|_)([a-z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
  const renamed = (text: string) =>
    text.replaceAll('ACME', name.toUpperCase()).replaceAll('Acme', title).replaceAll('acme', name);
  for (const file of globSync('**/*.*', { cwd: name })) {
    const path = join(name, file);
    writeFileSync(path, renamed(readFileSync(path, 'utf8')));
    renameSync(path, join(dirname(path), renamed(basename(path))));
  }
  cli.stdout.lines([
    `${name}/ is a connector that works against the replies in ${name}/recorded.json.`,
    `  cd ${name} && node --test     runs its checks, where sluice is installed beside it (docs/adding-a-vendor.md)`,
    `  connectors: [./${name}/${name}.ts]     in sluice.yaml lets Sluice use it`,
    'docs/adding-a-vendor.md goes on from here.',
  ]);
}
