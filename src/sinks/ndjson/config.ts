/** The ndjson sink in the config. */
import { join } from 'node:path';
import { z } from 'zod';
import { duration, group, path, size } from '../../api/values.ts';
import { moveFolder } from '../../system/private-files.ts';
import { type SinkType, sinkName } from '../sink-type.ts';
import type { NdjsonSettings } from './write.ts';

const DEFAULT_FOLDER = './sluice-out';

const schema = z.strictObject({
  name: sinkName(),
  type: z.literal('ndjson').describe('Files of one document a line.'),
  path: path().prefault(DEFAULT_FOLDER).describe('The folder of the files. Default: beside the config file.'),
  group: group(
    'A group that may read the files, by name or number: the one of whoever collects them (docs/files.md). Default: none; nobody but the user that Sluice runs as, since the files hold what the vendor tells of your machines.',
  ),
  compression: z
    .enum(['none', 'gzip', 'zstd'])
    .prefault('none')
    .describe(
      'How segments are compressed. Default: `none`, so that they can be read with anything; `zstd` takes about a tenth of the space.',
    ),
  rotate_size: size({ min: '1KiB', max: '1024GiB' })
    .prefault('128MiB')
    .describe('A segment is closed at this size. Default: 128MiB, a handy size to move or to load.'),
  rotate_every: duration({ min: '1s', max: '365d' })
    .prefault('1h')
    .describe(
      'A segment is closed at this age. Default: 1h, so that whoever collects closed files is an hour behind at most.',
    ),
});

export interface NdjsonConfig extends NdjsonSettings {
  name: string;
  type: 'ndjson';
}

export const ndjson: SinkType<typeof schema, NdjsonConfig> = {
  type: 'ndjson',
  schema,
  beginning: {
    key: 'path',
    isList: false,
    question: 'The folder of the files',
    fallback: DEFAULT_FOLDER,
    isSetUp: false,
  },
  settings: ({ rotate_size: rotateBytes, rotate_every: rotateMs, ...raw }, values) => ({
    ...{ ...raw, rotateBytes, rotateMs },
    path: values.path(raw.path),
    group: raw.group === undefined ? undefined : values.group(raw.group),
  }),
  secrets: [],
  files: [],
  groups: ['group'],
  folder: ({ path = DEFAULT_FOLDER }) => path,
  open: async (settings, tools) => (await import('./index.ts')).openNdjson(settings, tools),
  looksUp: () => false,
  silentMs: () => 0,
  impatient: (settings) => settings,
  handles: { all: 0, pipeline: 1 }, // the lock of its folder
  renameSource: async ({ path }, from, to) => moveFolder(join(path, from), join(path, to)),
  endsOnRecover: true,
};
