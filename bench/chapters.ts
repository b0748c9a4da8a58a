/** The parts of the benchmark, in the order of its page. */
import type { Chapter } from './bench.ts';
import { details, latencies } from './sections/details.ts';
import { elasticsearch, million, pinned } from './sections/elasticsearch.ts';
import { giant } from './sections/giant.ts';
import { growth } from './sections/growth.ts';
import { kafka } from './sections/kafka.ts';
import { lists } from './sections/lists.ts';
import { peers } from './sections/peers.ts';
import { resume } from './sections/resume.ts';
import { latency, load, start } from './sections/scripts.ts';

export const CHAPTERS: readonly Chapter[] = [
  ...[lists, details, latencies, growth, resume, giant, start],
  ...[peers, elasticsearch, pinned, million, kafka, load, latency],
];

/** Those that were asked for: by name, or all that need Node alone, or all. */
export function chosen({ only, all }: { only?: string; all?: boolean }): Chapter[] {
  if (only === undefined) return CHAPTERS.filter(({ needs }) => all || needs === undefined);
  return only.split(',').map((name) => {
    const found = CHAPTERS.find((chapter) => chapter.name === name.trim());
    if (found !== undefined) return found;
    throw new Error(`there is no part "${name}"; there are ${CHAPTERS.map((chapter) => chapter.name).join(', ')}`);
  });
}
