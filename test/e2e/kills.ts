/** Kills Sluice again and again while it works, then lets it come to rest: shared by the proofs for every sink. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Ended, Place } from './place.ts';

export const KILLS = 20;

/** Numbers from 0 to 1 from a seed, so that a failure can be had again (as far as the machine repeats itself). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface KillPlan {
  place: Place;
  /** How often; 20 when it is not said. */
  kills?: number;
  /** Waits this long at most after each start. */
  upToMs: number;
  /** Instead of every other wait: resolves at the sign of the n-th write, so that kills fall between a write and its commit. */
  write(child: Child, nth: number): Promise<unknown>;
  /** Once the process is dead. */
  dead?(kill: number): Promise<void> | void;
}

const LONGEST_MS = 20_000;

async function ready(child: Child): Promise<void> {
  while (child.hasEnded() === undefined && !/Sluice \S+: \d+ pipeline/.test(child.stderr())) await sleep(20);
}

/** A process that ends by itself before it is killed is a failure: a crash must not leave anything that stops the next start. */
export async function killAgainAndAgain(plan: KillPlan): Promise<void> {
  const random = randomFrom(plan.place.seed);
  for (let kill = 1; kill <= (plan.kills ?? KILLS); kill++) {
    const child = plan.place.start('run');
    if (kill % 2 === 0) await Promise.race([plan.write(child, 1 + Math.floor(random() * 8)), sleep(LONGEST_MS)]);
    else {
      // Some die while they start; on a slow machine all would, if the others were not waited for.
      if (kill % 4 === 3) await Promise.race([ready(child), sleep(LONGEST_MS)]);
      await sleep(200 + random() * (plan.upToMs - 200));
    }
    const early = child.hasEnded();
    if (early !== undefined) throw new Error(`ended by itself before kill ${kill}: ${JSON.stringify(early)}`);
    refuseTrouble(await child.end('SIGKILL'), `kill ${kill}`);
    await plan.dead?.(kill);
  }
}

/** A pipeline that stopped would be hidden by the next start. */
export function refuseTrouble({ stderr }: Ended, when: string): void {
  if (/has stopped|no pipeline is left|This should not happen/.test(stderr)) throw new Error(`${when}: ${stderr}`);
}

const QUIET_MS = 3000;

/** Runs until the tenant has nothing left to change or to serve and nothing new arrives; then SIGTERM. */
export async function runUntilQuiet(
  place: Place,
  count: () => number | Promise<number>,
  limitMs: number,
): Promise<Ended> {
  const child = place.start('run');
  const deadline = Date.now() + limitMs;
  let last = -1;
  let since = Date.now();
  while (Date.now() < deadline && child.hasEnded() === undefined) {
    const now = await count();
    if (now !== last) since = Date.now();
    last = now;
    const { pending, unserved } = place.simulator.stats();
    const complete = pending === 0 && unserved === 0 && now >= place.simulator.summary().revisions;
    if (complete && Date.now() - since >= QUIET_MS) break;
    await sleep(500);
  }
  const { pending, unserved, waitingFor } = place.simulator.stats();
  if (Date.now() >= deadline) console.log('not quiet in time', JSON.stringify({ pending, unserved, waitingFor, last }));
  return child.end('SIGTERM');
}
