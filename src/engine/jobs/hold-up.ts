/** Why a job that is worked on does not move. */
import type { Traffic } from '../../net/traffic.ts';
import type { JobPart } from '../../state/jobs/parts.ts';

/** A job that has not moved for so long waits for something. */
const STILL_MS = 5000;

/**
 * The live edge goes first in the rate limit of its source: a job whose requests wait for their turn, and that does not move
 * meanwhile, gives way to it.
 */
export function givesWay(
  parts: readonly JobPart[],
  { longestWaitMs, requestsPerSecond }: Pick<Traffic, 'longestWaitMs' | 'requestsPerSecond'>,
  nowMs: number,
): string | undefined {
  const movedMs = Math.max(0, ...parts.map(({ atMs }) => atMs));
  if (movedMs === 0 || nowMs - movedMs < STILL_MS || longestWaitMs() < STILL_MS) return undefined;
  return `the live edge, which goes first: it uses the whole rate of the source (${requestsPerSecond} requests a second)`;
}
