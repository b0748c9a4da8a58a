/** What a vendor adds is not lost: a member that nobody foresaw, in any object of a record, is in the document. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { mapped, recordsOf, SOURCE } from '../fixtures/documents.ts';

type Path = readonly string[];

/** Where a record has objects, at any depth. */
function objectsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([name, one]) => objectsIn(one, [...path, name]));
  return Array.isArray(value) ? inner : [path, ...inner];
}

function withMember(record: unknown, [name, ...rest]: Path): unknown {
  if (name === undefined) return { ...(record as object), Unforeseen: 'seen-all-the-same' };
  const changed = withMember((record as Record<string, unknown>)[name], rest);
  return Array.isArray(record) ? record.with(Number(name), changed) : { ...(record as object), [name]: changed };
}

/** Made by the connector, of members that it knows. */
const OF_OURS: ReadonlySet<string> = new Set([
  ...['cylance.instaquery_result Query', 'cylance.instaquery_result query', 'cylance.device_lockdown Device'],
  ...['cylance.detection_rule Unavailable', 'cylance.threat_device Threat', 'cylance.focus_view_result FocusView'],
  ...['footprint', 'parent', 'endpoint', 'meta.[]', 'parent.meta.[]'].map((name) => `apex_central.footprint ${name}`),
]);

describe.each(streams.map((one) => [one.stream.name, one] as const))('%s', (_name, registered) => {
  const places = new Map<string, unknown>();
  for (const record of recordsOf(registered))
    for (const path of objectsIn(record)) {
      const name = path.map((step) => (/^\d+$/.test(step) ? '[]' : step)).join('.');
      if (!OF_OURS.has(`${registered.stream.name} ${name}`) && !places.has(name))
        places.set(name, withMember(record, path));
    }

  test.each([...places])('%s', (_place, record) => {
    const source = { ...SOURCE, connector: registered.connector.name };
    expect(JSON.stringify(mapped(registered, record, source))).toContain('seen-all-the-same');
  });
});
