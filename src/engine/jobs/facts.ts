import { type BuildTools, build } from '../build.ts';
import type { Config } from '../settings.ts';
import { factsOf, type ReadingFacts } from './estimate.ts';

/** How each pipeline of the config reads, for estimates. */
export async function readingFacts(
  config: Config,
  tools: BuildTools,
): Promise<(pipeline: string) => ReadingFacts | undefined> {
  const built = build(config, tools, false);
  const facts = new Map(built.plans.map((plan) => [plan.name, factsOf(plan)]));
  await built.close();
  return (pipeline) => facts.get(pipeline);
}
