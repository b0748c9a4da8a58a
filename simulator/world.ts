import { makeFacts } from './attributes.ts';
import { createFaultEngine, type FaultEngine } from './fault-engine.ts';
import type { Answer, Collection, Lifecycle, Site, StreamTruth, Totals } from './resource.ts';
import { RESOURCES } from './resources.ts';
import type { Settings } from './settings.ts';
import { createTokens, type Tokens } from './tokens.ts';
import { createValidators } from './validators.ts';

/** All parts of a running simulator, without the network. */
export interface World {
  settings: Settings;
  faults: FaultEngine;
  tokens: Tokens;
  collections: readonly Collection[];
  lifecycles: readonly Lifecycle[];
  /** The answers, by the name of the endpoint. */
  answers: Readonly<Record<string, Answer>>;
  truthOf(stream: string): StreamTruth;
  validate: ReturnType<typeof createValidators>;
}

/** The default stream of totals and truth. */
export const MAIN_STREAM = 'cylance.detection';

export function createWorld(settings: Settings): World {
  const faults = createFaultEngine(settings.seed, settings.faults);
  const tokens = createTokens(settings);
  const presentOf: Site['presentOf'] = (name) => {
    const items = collections[RESOURCES.findIndex((one) => one.name === name)]?.present?.();
    if (items === undefined) throw new Error(`the simulator has no ${name}`);
    return items;
  };
  const site: Site = { settings, facts: makeFacts(settings), faults, tokens, presentOf };
  const collections = RESOURCES.map((one) => one.open(site));
  const truth: Record<string, StreamTruth> = Object.assign({}, ...collections.map((one) => one.truth));
  return {
    ...{ settings, faults, tokens, collections, validate: createValidators(settings.validators) },
    lifecycles: collections.flatMap(({ lifecycle }) => lifecycle ?? []),
    answers: Object.assign({}, ...collections.map(({ answers }) => answers)),
    truthOf: (stream) => {
      const found = truth[stream];
      if (found === undefined) throw new Error(`the simulator has no stream ${stream}`);
      return found;
    },
  };
}

export type StreamSummary = Pick<Totals, 'records' | 'revisions'>;

export function summaryOf(world: World, stream: string): StreamSummary {
  const { records, revisions } = world.truthOf(stream).totals();
  return { records, revisions };
}

export type MainSummary = Omit<Totals, 'records'> & { detections: number };

export function mainSummary(world: World): MainSummary {
  const { records: detections, ...totals } = world.truthOf(MAIN_STREAM).totals();
  return { detections, ...totals };
}

/** Confirms that a revision was delivered. False if no item has that id. */
export function confirmRevision({ collections }: World, id: string, ordinal: number): boolean {
  return collections.some((collection) => collection.confirm?.(id, ordinal) === true);
}

/** Stops or resumes all changes. */
export function pauseAll({ lifecycles }: World, how: 'pause' | 'resume'): void {
  for (const lifecycle of lifecycles) lifecycle[how]();
}
