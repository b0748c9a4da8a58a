/** What a process that died has left in the folder of a pipeline. */
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

const PART = '.part';

/** Gives every open segment its final name. To be called after `recover`, which cut them to what was committed. */
export async function finishLeftSegments(path: string, pipeline: string): Promise<void> {
  const [source = '', stream = ''] = pipeline.split('/');
  const folder = join(path, source, stream);
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith(PART))) {
    await rename(join(folder, name), join(folder, name.slice(0, -PART.length)));
  }
}
