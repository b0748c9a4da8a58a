/**
 * A sink that was tampered with, and a vendor that went on: `verify` names exactly that, `--repair` heals it. Shared by the
 * proofs for every sink.
 */
import { expect } from 'vitest';
import type { EcsDocument } from '../../src/api/document.ts';
import type { Place } from './place.ts';

export const VERIFY_DETECTIONS = Number(process.env.SLUICE_VERIFY_DETECTIONS ?? 1000);
const PERCENT = Math.ceil(VERIFY_DETECTIONS / 100);

/** One percent changes where the list shows it, and one where only the detail does; once, since nothing confirms the second change. */
export const VERIFY_LIVING = {
  ...{ statusChanges: PERCENT, commentChanges: PERCENT },
  ...{ dwellMs: 0, everyRequests: 0, everyMs: 10, confirm: true },
};

export interface Tampering {
  place: Place;
  /** Removes the documents of some keys, and doubles those of others. */
  tamper(missing: ReadonlySet<string>, doubled: ReadonlySet<string>): Promise<void>;
  /** Whether the sink can remove what is there twice. */
  removes: boolean;
  documents(): Promise<EcsDocument[]>;
}

interface Line {
  kind?: string;
  key: string;
  id: string | null;
  summary?: boolean;
  clean?: boolean;
  repaired?: boolean;
  shipped?: number;
  removed?: number;
  beyond?: Record<string, number>;
}

async function verify(place: Place, code: number, ...options: string[]) {
  const ended = await place.sluice('verify', '--json', '--from', '400d', ...options);
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  const lines = ended.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const found: Record<string, string[]> = {};
  for (const { kind, key } of lines) if (kind !== undefined) found[kind] = [...(found[kind] ?? []), key].sort();
  return { found, summary: lines.find(({ summary }) => summary), repaired: lines.find(({ repaired }) => repaired) };
}

export async function proveVerify({ place, tamper, removes, documents }: Tampering): Promise<void> {
  const { simulator } = place;
  simulator.pause();
  const filled = await place.sluice('backfill', '--from', '400d');
  expect({ code: filled.code, stderr: filled.stderr }).toMatchObject({ code: 0 });
  const clean = await verify(place, 0);
  expect(clean).toMatchObject({
    found: {},
    summary: { clean: true, listed: VERIFY_DETECTIONS, held: VERIFY_DETECTIONS },
  });

  for (const { id } of [...simulator.truth()]) simulator.confirm(id, 1);
  simulator.resume();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const truth = [...simulator.truth()];
  const changing = new Set(truth.filter(({ ordinal }) => ordinal > 1).map(({ id }) => id));
  expect(changing.size).toBe(2 * PERCENT);
  const others = [...new Set(truth.map(({ id }) => id))].filter((id) => !changing.has(id));
  const missing = others.slice(0, 5 * PERCENT).sort();
  const doubled = others.slice(5 * PERCENT, 6 * PERCENT).sort();
  await tamper(new Set(missing), new Set(doubled));

  const shown = await verify(place, 1);
  const listed = shown.found.stale ?? [];
  expect(listed).toHaveLength(PERCENT);
  expect(shown.found).toEqual({ missing, doubled, stale: listed });
  const whole = await verify(place, 1, '--details');
  expect(whole.found).toEqual({ missing, doubled, stale: [...changing].sort() });
  expect(whole.found.stale).toEqual(expect.arrayContaining(listed));

  const removing = removes ? ['--remove-doubles'] : [];
  const { repaired } = await verify(place, 1, '--details', '--repair', ...removing);
  expect(repaired).toMatchObject({
    shipped: missing.length + changing.size,
    removed: removes ? doubled.length : 0,
    beyond: removes ? {} : { [NOT_REMOVED]: doubled.length },
  });
  const after = await verify(place, removes ? 0 : 1, '--details');
  expect(after.found).toEqual(removes ? {} : { doubled });
  const again = (await documents()).filter(({ event }) => missing.includes((event as { id: string }).id));
  expect(again.map(({ event }) => (event as { kind: string }).kind)).toEqual(missing.map(() => 'event'));
}

const NOT_REMOVED = 'what is there twice is not removed without --remove-doubles';
