import { drawsFor, saltOf } from '../hash.ts';
import { uuid } from '../ids.ts';
import type { Chain } from './chains.ts';
import { contentOf } from './write.ts';

/** The vendor's tasks: some answer at once, others are still running at the first two requests, and then have three parts. */

export interface TaskAnswer {
  taskId: string;
  lastContentId: string;
  hasMore: boolean;
  /** The JSON of `content`. */
  content: string;
}

export interface Tasks {
  start(chain: Chain): TaskAnswer;
  /** Undefined for an unknown task; `wrong` for a ContentId that the task has not returned. */
  go(taskId: string, contentId: string): TaskAnswer | 'wrong' | undefined;
}

interface Task {
  id: string;
  chain: Chain;
  parts: string[];
  /** The index of the next part. */
  next: number;
  /** The number of requests that are still answered without content. */
  empty: number;
  /** Every place that was returned, with the part behind it: a reply may get lost, and its request be repeated. */
  places: Map<string, number>;
}

const EMPTY = [
  '[]',
  '[{"statusCode":0,"message":"TMSL_S_SUCCESS","content":{"footprint":[],"metaProperty":[],"group":[]}}]',
];

export function createTasks(seed: number, endless: number): Tasks {
  const tasks = new Map<string, Task>();
  let count = 0;

  const answer = (task: Task): TaskAnswer => {
    const isEmpty = task.empty > 0;
    if (isEmpty) task.empty--;
    else task.next = Math.min(task.next + 1, task.parts.length);
    const isThrough = !isEmpty && task.next === task.parts.length;
    // The reply of a running task says that there is no more.
    const hasMore = !isEmpty && !isThrough;
    const content = isEmpty ? (EMPTY[task.places.size % 2] as string) : (task.parts[task.next - 1] as string);
    const lastContentId = contentIdOf(task, hasMore);
    task.places.set(lastContentId, task.next);
    return { taskId: task.id, lastContentId, hasMore, content };
  };

  return {
    start: (chain) => {
      const id = uuid(drawsFor(seed, count++, saltOf('apex task')).next).toUpperCase();
      const isEndless = chain.index < endless;
      const form = chain.index % 4;
      const parts = contentOf(chain, form === 0 ? 1 : 3, seed);
      const empty = isEndless ? Number.POSITIVE_INFINITY : form === 1 || form === 2 ? 3 : 0;
      const task: Task = { id, chain, parts, next: 0, empty, places: new Map([['', 0]]) };
      tasks.set(id, task);
      return answer(task);
    },
    go: (taskId, contentId) => {
      const task = tasks.get(taskId);
      if (task === undefined) return undefined;
      const place = task.places.get(contentId);
      if (place === undefined) return 'wrong';
      task.next = place;
      return answer(task);
    },
  };
}

/** A ContentId as documented: without one of its commas, and with a line end in it. */
function contentIdOf({ chain, next, parts, places }: Task, hasMore: boolean): string {
  const total = next === 0 ? 0 : parts.length;
  const serial = 30_131 + next + places.size * 10;
  return `[{ "serverGuid": "${chain.serverGuid}",\r\n "lastContentId": ${serial}, "hasMore": ${hasMore} "totalProgress": ${total}, "currentProgress": ${next}}]`;
}
