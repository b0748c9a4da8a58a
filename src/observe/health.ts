/** `/healthz` and `/readyz`: the status of every pipeline in two words, for orchestrators and `sluice health`. */
import type { Judged } from './status/facts.ts';
import { type Judgement, worstOf } from './status/rules.ts';

export interface Health {
  /** The HTTP status. */
  code: 200 | 503;
  body: { status: string; pipelines: Finding[] };
}

/** What is told of one pipeline. */
export interface Finding {
  pipeline: string;
  state: Judgement['state'];
  ok: boolean;
  why?: string;
  advice?: string;
}

/**
 * Not alive: what a person has to mend, and what has not succeeded for an hour. A restart mends none of it, so an orchestrator
 * that restarts what is not alive should have patience.
 */
export function livenessOf(judged: readonly Judged[]): Health {
  return healthOf(judged, ({ isForPerson = false }) => !isForPerson);
}

/** Not ready: whatever fails or has stopped. */
export function readinessOf(judged: readonly Judged[]): Health {
  return healthOf(judged, ({ state }) => state !== 'failing' && state !== 'stopped');
}

function healthOf(judged: readonly Judged[], isOk: (verdict: Judgement) => boolean): Health {
  const pipelines = judged.map(({ watched: { statistics }, verdict }): Finding => {
    const why = verdict.reason || statistics.waiting;
    return { pipeline: statistics.name, state: verdict.state, ok: isOk(verdict), why, advice: verdict.advice };
  });
  const status = worstOf(judged.map(({ verdict }) => verdict.state));
  return { code: pipelines.every(({ ok }) => ok) ? 200 : 503, body: { status, pipelines } };
}
