/** When a state counts as served, decided for every resource in one place. */
import { describe, expect, test } from 'vitest';
import { createLifecycle } from '../../simulator/lifecycle.ts';
import { fillLiving, type LivingOptions } from '../../simulator/living-options.ts';
import { type Reader, withSimulator } from './client.ts';

/** Nothing comes by itself, and nothing dwells. */
const AT_ONCE = { dwellMs: 0, everyMs: 3_600_000, everyRequests: 0 };

async function allDetails(reader: Reader): Promise<void> {
  for (const { Id } of await reader.all()) await reader.get(`/detections/v2/${Id}/details`);
}

describe('an item', () => {
  const changing = (living: LivingOptions = {}) => {
    const plan = { count: 2, changes: new Map([[0, { states: 3, deleted: true }]]), partsOf: () => 0b11 };
    return createLifecycle(plan, fillLiving({ ...AT_ONCE, ...living }));
  };

  test('goes through its states when all parts of each were served, and is deleted after the last', () => {
    const lifecycle = changing();
    const seen: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      seen.push(lifecycle.stepOf(0), lifecycle.pending(), lifecycle.unserved());
      lifecycle.servedLater([0], 0b01)();
      lifecycle.requestDone();
      expect(lifecycle.waitingFor()).toEqual({ event: 0, serving: 1, dwell: 0, confirmation: 0 });
      lifecycle.servedLater([0], 0b10)();
      lifecycle.requestDone();
    }
    expect(seen).toEqual([0, 3, 2, 1, 2, 2, 2, 1, 2]);
    expect([lifecycle.isGone(0), lifecycle.pending(), lifecycle.unserved()]).toEqual([true, 0, 1]);
    expect(lifecycle.history(0)).toEqual({ states: 3, deleted: true });
    lifecycle.close();
  });

  test('is not served by the late reply of an earlier state', () => {
    const lifecycle = changing();
    const late = lifecycle.servedLater([0], 0b11);
    lifecycle.servedLater([0], 0b11)();
    lifecycle.requestDone();
    late();
    expect([lifecycle.stepOf(0), lifecycle.isServed(0)]).toEqual([1, false]);
    lifecycle.close();
  });

  test('waits for its confirmation, and while it is paused', () => {
    const lifecycle = changing({ confirm: true });
    lifecycle.servedLater([0], 0b11)();
    lifecycle.confirm(0, 2);
    expect(lifecycle.waitingFor()).toMatchObject({ confirmation: 1 });
    lifecycle.pause();
    lifecycle.confirm(0, 1);
    expect(lifecycle.stepOf(0)).toBe(0);
    lifecycle.resume();
    expect(lifecycle.stepOf(0)).toBe(1);
    lifecycle.close();
  });
});

describe('of a tenant', () => {
  test('a detection whose detail fails for ever is served by its list item and the refusal', async () => {
    const faults = [{ fault: 'detail-fails' as const, fraction: 1 }];
    await withSimulator(
      { detections: 20, faults, living: { ...AT_ONCE, statusChanges: 4 } },
      async (simulator, reader) => {
        await reader.all();
        expect(simulator.stats()).toMatchObject({ unserved: 4, waitingFor: { serving: 4 } });
        expect([...simulator.truth()]).toHaveLength(20);
        await allDetails(reader);
        await expect.poll(() => [...simulator.truth()].length).toBe(24);
      },
    );
  });

  test('what has not arrived, or is to vanish unseen, waits for nobody', async () => {
    const living = { ...AT_ONCE, arrivals: 5, deletionsUnseen: 3 };
    await withSimulator({ detections: 20, living }, async (simulator, reader) => {
      const waitingFor = { event: 8, serving: 0, dwell: 0, confirmation: 0 };
      expect(simulator.stats()).toMatchObject({ unserved: 20, pending: 8, waitingFor });
      await allDetails(reader);
      expect(simulator.stats()).toMatchObject({ unserved: 0 });
    });
  });

  test('a spoiled list serves nothing, nor does a list whose items have pages of their own', async () => {
    const faults = [{ fault: 'missing-items' as const, endpoint: 'files', requests: [1] }];
    const counts = { detections: 0, retrievedFiles: 8, items: { exceptions: 5 } };
    await withSimulator({ ...counts, retrievedFilesShape: 'envelope', faults }, async (simulator, reader) => {
      const unservedAfter = async (path: string) => {
        await reader.get(path);
        return simulator.stats().unserved;
      };
      expect(await unservedAfter('/devicecommands/v2/retrieved_files')).toBe(13);
      expect(simulator.stats().unusedFaults).toEqual([]);
      expect(await unservedAfter('/devicecommands/v2/retrieved_files')).toBe(5);
      expect(await unservedAfter('/exceptions/v2')).toBe(5);
      for (const { id } of simulator.truthOf('cylance.exception')) await reader.get(`/exceptions/v2/${id}`);
      expect(simulator.stats().unserved).toBe(0);
    });
  });
});
