/** What the tests of a living tenant share: how it changes, how long each phase took, and a check of what arrived. */
import { streams } from '../../connectors/index.ts';
import { violations } from '../../mappings/ecs-check.ts';
import type { EcsDocument } from '../../src/api/document.ts';

/** So many changes of each kind, spread over the time that the test takes. */
export function livingOf(n: number) {
  return {
    ...{ arrivals: 2 * n, lateArrivals: n, statusChanges: 2 * n, returns: n, commentChanges: n, responseChanges: n },
    ...{ deletions: n, deletionsUnseen: n / 5, dwellMs: 500, confirm: true, everyRequests: 0, everyMs: 50 },
  };
}

/** Prints how long each phase took: a slow one is to be seen before it is a timeout. */
export function stopwatch(): (phase: string) => void {
  let last = Date.now();
  return (phase) => {
    console.log(`${phase}: ${((Date.now() - last) / 1000).toFixed(1)} s`);
    last = Date.now();
  };
}

/** Every tenth document, and every revision after the first. */
export function ecsChecker() {
  const fields = streams.find(({ stream }) => stream.name === 'cylance.detection')?.fields;
  let seen = 0;
  let checked = 0;
  const found = new Set<string>();
  const check = (document: EcsDocument): void => {
    const { sequence } = document.event as { sequence: number };
    if (seen++ % 10 !== 0 && sequence === 1) return;
    checked++;
    for (const one of violations(document, 'cylance', fields)) if (found.size < 50) found.add(one);
  };
  return { check, checked: () => checked, found };
}
