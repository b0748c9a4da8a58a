/** The state store in SQLite: what every store must do, and what a file takes. */
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isStateInUse, openState } from '../../src/state/sqlite.ts';
import type { StateStore } from '../../src/state/store.ts';
import { scratch } from '../engine/harness.ts';
import { NOW, stateStoreContract } from './state-store.ts';

function open(path: string, exclusive = true, scrub?: (text: string) => string): StateStore {
  return openState({ path, now: () => NOW, exclusive, scrub });
}

function inUse(path: string): boolean {
  return isStateInUse({ path });
}

stateStoreContract('sqlite', () => {
  const folder = scratch();
  return {
    open: async (scrub) => open(folder.path, true, scrub),
    close: async (store) => store.close(),
    kept: async () =>
      readdirSync(folder.path)
        .map((file) => readFileSync(join(folder.path, file), 'latin1'))
        .join(),
    end: async () => folder.remove(),
  };
});

describe('state in files', () => {
  let folder: ReturnType<typeof scratch>;
  let store: StateStore;
  beforeEach(() => {
    folder = scratch();
    store = open(folder.path);
  });
  afterEach(() => {
    store.close();
    folder.remove();
  });

  test('one whose main file is missing is damaged, and not begun anew', () => {
    const path = join(folder.path, 'other');
    mkdirSync(path);
    writeFileSync(join(path, 'state.db-wal'), 'what was committed last');
    expect(() => open(path)).toThrow(/is damaged: its main file is missing/);
    expect(readdirSync(path)).not.toContain('state.db');
  });

  test('a second process is kept away, but may look', () => {
    expect(inUse(folder.path)).toBe(true);
    expect(() => open(folder.path)).toThrow(/another Sluice process is using the state/);
    const looking = open(folder.path, false);
    expect(looking.pipelines()).toEqual([]);
    looking.close();
    store.close();
    expect(inUse(folder.path)).toBe(false);
    store = open(folder.path);
  });

  test('who only looks whether it is taken keeps nobody away', async () => {
    store.close();
    const looks = `
      const { DatabaseSync } = require('node:sqlite');
      const lock = new DatabaseSync(${JSON.stringify(join(folder.path, 'lock.db'))});
      lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
      require('node:worker_threads').parentPort.postMessage('taken');
      setTimeout(() => lock.close(), 100);`;
    await once(new Worker(looks, { eval: true }), 'message');
    store = open(folder.path);
    expect(inUse(folder.path)).toBe(true);
  });
});
