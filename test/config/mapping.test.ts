/** `mapping` in the config: what may stand there, and what is refused with a reason. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownMappings } from '../../src/config/outside.ts';
import { file, load, problems } from './helpers.ts';

const mapped = (rule: string) => file(`    mapping:\n      cylance.detection:\n        rules:\n          - ${rule}`);

describe('rules', () => {
  test('are read as they stand, and a module is looked for beside the file', () => {
    const text = file(`    mapping:
      cylance.detection:
        module: ./ours.ts
        rules:
          - when: { event.severity: { below: 40 }, host.name: [a, b], user.name: { not: root, exists: true } }
            drop: true
          - rename: { labels.a: labels.b }
            add: { labels.team: soc, tags: [mine] }
            drop: [process.command_line]`);
    const own = load(text).config.sources[0]?.mapping['cylance.detection'];
    expect(own).toMatchObject({ module: 'ours.ts', rules: [{ drop: true }, { drop: ['process.command_line'] }] });
  });

  test.each([
    ['drop: [event.id]', 'drop'],
    ['drop: [event]', 'drop'],
    ['drop: [_id]', 'drop'],
    ['drop: [data_stream.namespace]', 'drop'],
    ['add: { event.hash: x }', 'add.event.hash'],
    ['add: { event.sequence: 1 }', 'add.event.sequence'],
    ["add: { '@timestamp': x }", 'add.@timestamp'],
    ['rename: { event.id: labels.id }', 'rename.event.id'],
    ['rename: { labels.id: event.id }', 'rename.labels.id'],
  ])('a field that the guarantees need is refused: %s', (rule, where) => {
    const [problem = '', ...others] = problems(mapped(rule));
    expect(others).toEqual([]);
    expect(problem).toContain(where);
    expect(problem).toContain('may not be changed');
  });

  test.each([
    ['{}', 'does nothing'],
    ['when: { event.kind: alert }', 'does nothing'],
    ['drop: false', 'must be true, for the whole document, or a list of fields'],
    ['{ drop: true, add: { a: 1 } }', 'drops the document, so that it can change nothing in it'],
    ['{ when: { event.kind: { is: alert } }, drop: true }', 'is: is not a key here'],
    ['{ when: { event.kind: [[1]] }, drop: true }', 'is not a condition'],
    ["drop: ['a..b']", '.drop[0]: "a..b" names no field'],
    ['drop: []', 'is too short'],
    ['drops: [a]', 'is not a key here; did you mean "drop"?'],
  ])('what makes no sense is refused: %s', (rule, why) => {
    expect(problems(mapped(rule)).join('\n')).toContain(why);
  });

  test('a stream that is none of the connector is named', () => {
    const text = file('    mapping: { cylance.detecton: { rules: [{ drop: [a] }] } }');
    expect(problems(text).join()).toContain('did you mean "cylance.detection"?');
  });
});

describe('a module', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-mapping-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const written = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  test('is loaded with its types, and anew when its file has changed', async () => {
    const path = written('ours.ts', 'export default (document: object): object => ({ ...document, a: 1 });');
    const first = (await ownMappings([path])).get(path);
    expect(first?.({}, {}, {} as never)).toEqual({ a: 1 });
    written('ours.ts', 'export default () => ({ a: 2 });');
    expect((await ownMappings([path])).get(path)?.({}, {}, {} as never)).toEqual({ a: 2 });
  });

  test.each([
    ['missing', undefined, 'cannot be loaded'],
    ['broken', 'export default (', 'cannot be loaded'],
    ['throws', "throw new Error('at once')", 'cannot be loaded: at once'],
    ['nothing', 'export const a = 1', 'has no function as its default export; it has none'],
    ['object', 'export default {}', 'it has object'],
    ['async', 'export default async (document) => document', 'is async'],
  ])('that does not fit is refused when it is loaded: %s', async (name, text, why) => {
    const path = text === undefined ? join(folder, name) : written(`${name}.mjs`, text);
    await expect(ownMappings([path])).rejects.toThrow(why);
  });
});
