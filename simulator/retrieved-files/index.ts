import { arrayReply, pageReply, type SmallList } from '../paging.ts';
import type { Reply } from '../reply.ts';
import type { World } from '../world.ts';

export function listFiles(world: World, params: URLSearchParams): Reply {
  const { files, settings } = world;
  const { courses } = files;
  const list: SmallList = {
    endpoint: 'files',
    indexes: files.listed((params.get('q') ?? '').toLowerCase()),
    write: (index) => files.json(index),
    sent: (shown) => {
      const steps = shown.map((index) => [index, courses.stepOf(index)] as const);
      return () => {
        for (const [index, step] of steps) courses.served(index, step, 1);
      };
    },
  };
  const enveloped = settings.retrievedFilesShape === 'envelope';
  return enveloped ? pageReply(world, params, list) : arrayReply(world, params, list, settings.bareArrayPaged);
}
