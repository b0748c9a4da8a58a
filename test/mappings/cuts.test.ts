/** How much of a long list is kept, kind by kind, and how a document says that it is not all. */
import { describe, expect, test } from 'vitest';
import { streams } from '../../connectors/index.ts';
import { cutAt, keyword, keywords, MOST_ITEMS, misfit, relatedOf, type Unfit } from '../../mappings/ecs.ts';
import { CONTENT_IS_CUT, conclude } from '../../mappings/ecs-document.ts';
import { flat } from '../../mappings/ecs-flat.ts';
import type { StreamName } from '../../src/index.ts';
import { mapped, SOURCE } from '../fixtures/documents.ts';

type Loose = Record<string, unknown>;

const list = <Item>(count: number, make: (at: number) => Item): Item[] =>
  Array.from({ length: count }, (_, at) => make(at));

function map(name: StreamName, record: Loose) {
  const registered = streams.find(({ stream }) => stream.name === name);
  if (registered === undefined) throw new Error(`${name} is not registered`);
  const document = mapped(registered, record, { ...SOURCE, connector: registered.connector.name });
  const [vendor = '', resource = ''] = name.split('.');
  const own = (document[vendor] as Record<string, Loose>)[resource] as Loose & { unfit?: Record<string, string> };
  return { document, own, tags: (document.tags as string[] | undefined) ?? [], unfit: own.unfit ?? {} };
}

/** A list at the field of a stream, and the record that has it. */
type Kind = [field: string, kept: number, recordOf: (count: number) => Loose];

const detection = (more: Loose) => ({ Id: 'd', OccurrenceTime: '2026-05-04T08:00:02Z', ...more });
const result = (at: number) => ({ Status: { Message: `m${at}` } });
const action = (count: number) => ({ HandlingResponderName: 'r', Results: list(count, result) });

const KINDS: Kind[] = [
  ['cylance.detection.zone_ids', 1000, (count) => detection({ ZoneIds: list(count, (at) => `z${at}`) })],
  [
    'cylance.detection.artifacts',
    1000,
    (count) =>
      detection({ AssociatedArtifacts: list(count, (at) => ({ Type: 'File', Uid: `u${at}`, Path: `C:\\f${at}` })) }),
  ],
  [
    'cylance.detection.artifacts_of_interest',
    2000,
    (count) => detection({ ArtifactsOfInterest: { s: list(count, (at) => ({ Source: `s${at}` })) } }),
  ],
  [
    'cylance.detection.applied_exceptions',
    1000,
    (count) => detection({ AppliedExceptions: list(count, (at) => `e${at}`) }),
  ],
  ['cylance.detection.responses', 1000, (count) => detection({ Responses: list(count, (at) => `r${at}`) })],
  [
    'cylance.detection.responses.actions',
    1000,
    (count) =>
      detection({
        Responses: [{ ActionResults: Object.fromEntries(list(count, (at) => [`a${at}`, action(1)])) }],
      }),
  ],
  [
    'cylance.detection.responses.actions.results',
    1000,
    (count) => detection({ Responses: [{ ActionResults: { a: action(count) } }] }),
  ],
  [
    'cylance.detection.rule_operating_systems',
    1000,
    (count) => detection({ DetectionRule: { OperatingSystems: list(count, (at) => ({ Name: `o${at}` })) } }),
  ],
  ['cylance.detection.other', 1000, (count) => detection({ Unheard: list(count, (at) => `x${at}`) })],
  [
    'related.hash',
    1000,
    (count) =>
      detection({
        AssociatedArtifacts: list(Math.ceil(count / 2), (at) => ({
          Type: 'File',
          Uid: `u${at}`,
          Md5: at.toString(16).padStart(32, '0'),
          Sha256: at.toString(16).padStart(64, '0'),
        })),
      }),
  ],
  ['host.ip', 1000, (count) => ({ id: 'd', ip_addresses: list(count, (at) => `10.0.${at >> 8}.${at % 256}`) })],
  [
    'cylance.rule_set.rules',
    2000,
    (count) => ({ id: 's', rules: list(count, (at) => ({ detection_rule_id: `r${at}` })) }),
  ],
  ['cylance.rule_set.policies', 2000, (count) => ({ id: 's', policies: list(count, (at) => `p${at}`) })],
  [
    'cylance.rule_set.rules.responses',
    1000,
    (count) => ({ id: 's', rules: [{ responses: list(count, (at) => ({ id: `r${at}` })) }] }),
  ],
  [
    'cylance.detection_rule.natural_language',
    1000,
    (count) => ({ Id: 'r', NaturalLanguage: { Paths: list(count, (at) => [`p${at}`]) } }),
  ],
  [
    'cylance.package.examples',
    1000,
    (count) => ({ packageId: 'p', packageDescriptor: { examples: list(count, (at) => `e${at}`) } }),
  ],
  ['cylance.instaquery.filters', 1000, (count) => ({ id: 'q', filters: list(count, (at) => ({ value: `v${at}` })) })],
  [
    'cylance.focus_view.relations',
    1000,
    (count) => ({ id: 'v', relations: list(count, (at) => ({ object: `o${at}` })) }),
  ],
  [
    'cylance.focus_view_result.artifacts',
    1000,
    (count) => ({
      FocusView: { id: 'v' },
      Result: { Trail: list(count, (at) => ({ Type: 'File', Uid: `u${at}`, Path: `C:\\f${at}` })) },
    }),
  ],
];

const OF_NO_PREFIX: Readonly<Record<string, StreamName>> = {
  'related.hash': 'cylance.detection',
  'host.ip': 'cylance.device',
};

describe.each(KINDS)('%s', (field, kept, recordOf) => {
  const stream = OF_NO_PREFIX[field] ?? (field.split('.').slice(0, 2).join('.') as StreamName);

  test(`${kept} items are all there, and nothing is said of it`, () => {
    const { tags, unfit } = map(stream, recordOf(kept));
    expect(tags).not.toContain(CONTENT_IS_CUT);
    expect(unfit).toEqual({});
  });

  test('of one more, how many there were is told, and the document is tagged', () => {
    const more = field === 'related.hash' ? kept + 2 : kept + 1;
    const { tags, unfit } = map(stream, recordOf(more));
    expect(tags).toContain(CONTENT_IS_CUT);
    expect(unfit).toMatchObject({ [`${field}.cut`]: `${kept} of ${more}` });
  });
});

test('a list that keeps another number of items declares it', () => {
  const declared = streams.flatMap(({ fields }) => Object.entries(fields.most ?? {}));
  expect(declared.sort()).toEqual(
    KINDS.flatMap(([field, kept]) => (kept === MOST_ITEMS ? [] : [[field, kept]])).sort(),
  );
});

describe('what is told', () => {
  test('of several lists of one field, the longest', () => {
    const unfit: Unfit = {};
    for (const count of [1500, 1700, 1600]) flat(unfit, 'x', { a: { b: list(count, (at) => `v${at}`) } });
    expect(unfit).toEqual({ 'x.cut': '1000 of 1700' });
  });

  test('of an object with too many members, how many it has', () => {
    const unfit: Unfit = {};
    const kept = flat(unfit, 'x', Object.fromEntries(list(1200, (at) => [`m${at}`, 'v']))) as Loose;
    expect(kept['…']).toBe('… 200 more');
    expect(unfit).toEqual({ 'x.cut': '1000 of 1200' });
  });

  test('nothing of a list that is long because it repeats itself', () => {
    const unfit: Unfit = {};
    expect(
      keywords(
        unfit,
        'x',
        list(5000, (at) => `v${at % 10}`),
      ),
    ).toHaveLength(10);
    expect(relatedOf(unfit, { hosts: list(5000, () => 'h'), ip: [], user: [], hash: [] })).toEqual({ hosts: ['h'] });
    expect(unfit).toEqual({});
  });

  test('of values that do not fit their field, all, as long as they are not endless', () => {
    const unfit: Unfit = {};
    for (const value of [{ a: 1 }, ['b'], ['b']]) keyword(unfit, 'x', value);
    expect(unfit).toEqual({ x: '{"a":1}, ["b"]' });
    for (let again = 0; again < 3; again++) misfit(unfit, 'y', 'z'.repeat(6000 + again));
    expect(unfit.y).toHaveLength(8191);
    expect(unfit['y.text.cut']).toBe(`8191 of ${6000 + 2 + 6001 + 6002} characters`);
  });

  test('of a text that is too long, its length', () => {
    const unfit: Unfit = {};
    expect(cutAt(unfit, 'x', 'z'.repeat(9000))).toHaveLength(8191);
    expect(cutAt(unfit, 'y', 'short')).toBe('short');
    expect(unfit).toEqual({ 'x.text.cut': '8191 of 9000 characters' });
  });

  test('once, by a tag beside the others', () => {
    const document: Loose = { tags: ['one'] };
    conclude(document, 'a.b', { own: {}, unfit: { 'x.cut': '1 of 2', 'y.cut': '1 of 2' } });
    expect(document).toEqual({
      tags: ['one', CONTENT_IS_CUT],
      a: { b: { unfit: { 'x.cut': '1 of 2', 'y.cut': '1 of 2' } } },
    });
  });
});
