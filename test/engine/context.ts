/** A stream's context for tests: whole, with the defaults of the config's schema. */
import pino from 'pino';
import type { VendorClient } from '../../src/api/client.ts';
import type { ReadingSettings, StreamContext } from '../../src/api/stream.ts';
import { SOURCE } from '../fixtures/documents.ts';
import { testConfig } from './harness.ts';

/** What the schema makes of a source that says nothing about reading. */
export const READING: ReadingSettings = (() => {
  const [source] = testConfig('http://127.0.0.1:1', '/nowhere', { reading: { detail_refresh: undefined } }).sources;
  if (source === undefined) throw new Error('the config of the tests has no source');
  return source.reading;
})();

const nobody = () => Promise.reject(new Error('nothing answers in this test'));

/** A client that answers as it is told, and fails where it is told nothing. `json` gets what a stream asks for. */
export function clientOf(answers: { json?: unknown; parts?: unknown } = {}): VendorClient {
  return { json: nobody, parts: nobody, authenticate: nobody, ...answers } as VendorClient;
}

export type Given = Partial<Omit<StreamContext, 'settings'>> & { settings?: Partial<ReadingSettings> };

/** Nothing is known, nothing answers, and the clock is the machine's, unless something else is given. Getters stay getters. */
export function contextOf(given: Given = {}): StreamContext {
  const { settings, ...others } = Object.getOwnPropertyDescriptors(given);
  const usual: StreamContext = {
    client: clientOf(),
    source: SOURCE,
    settings: { ...READING, ...given.settings },
    knownKeys: () => [],
    knownChild: () => undefined,
    openChildren: () => [],
    parents: [],
    noted: () => [],
    now: Date.now,
    priority: 'live',
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
  };
  return Object.defineProperties(usual, others);
}
