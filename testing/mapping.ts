/** Checks a mapping by its fixtures: `<name>.input.json` with the record, and `<name>.expected.json` with its document. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FieldList } from '../mappings/ecs.ts';
import { undeclared, violations } from '../mappings/ecs-check.ts';
import { dated } from '../src/engine/change/document.ts';
import { type EcsDocument, type SourceFacts, type Vendor, withoutSecrets } from '../src/index.ts';
import type { Check } from './check.ts';

export interface Fixture {
  /** The origin of the record. */
  about: string;
  record: unknown;
  source?: Partial<SourceFacts>;
  /** Texts that must not be in the document. */
  secrets?: string[];
}

type One = Vendor['streams'][number];

/** The time at which the records of fixtures are shipped: `@timestamp` of records without a time. */
const SHIPPED_MS = Date.UTC(2026, 4, 5);

/** The checks of one stream's mapping. With `SLUICE_GOLDEN` in the environment, expected documents are written instead. */
export function mappingChecks(vendor: Vendor, streamName: string, folder: string): Check[] {
  const one = vendor.streams.find(({ stream }) => stream.name === streamName);
  assert(one !== undefined, `there is no stream ${streamName}`);
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.input.json'))
    .map((file) => file.slice(0, -'.input.json'.length));
  const documentFor = (fixture: Fixture) => documentOf(vendor, one, fixture);
  const fields = one.fields as FieldList;
  return [
    { name: `${streamName} has fixtures in ${folder}`, run: () => assert.notEqual(names.length, 0) },
    {
      name: `${streamName} declares its own fields below its name`,
      run() {
        assert.equal(fields.prefix, streamName);
        assert.deepEqual(
          Object.keys(fields.custom).filter((field) => !field.startsWith(`${streamName}.`)),
          [],
        );
      },
    },
    ...names.flatMap((name): Check[] => {
      const input = join(folder, `${name}.input.json`);
      const expected = join(folder, `${name}.expected.json`);
      const fixture = () => JSON.parse(readFileSync(input, 'utf8')) as Fixture;
      return [
        {
          name: `${name} becomes the expected document`,
          run() {
            const document = JSON.parse(JSON.stringify(documentFor(fixture()))) as unknown;
            if (process.env.SLUICE_GOLDEN) writeFileSync(expected, `${JSON.stringify(document, undefined, 2)}\n`);
            assert(
              existsSync(expected),
              `${expected} is missing: run once with SLUICE_GOLDEN=1, and read what it wrote`,
            );
            assert.deepEqual(document, JSON.parse(readFileSync(expected, 'utf8')));
          },
        },
        {
          name: `${name} becomes the same document each time, and the record stays as it is`,
          run() {
            const one = fixture();
            const before = JSON.stringify(one);
            assert.deepEqual(documentFor(one), documentFor(one));
            assert.equal(JSON.stringify(one), before);
          },
        },
        {
          name: `${name} has only valid and declared fields, and none that the engine sets`,
          run() {
            const document = documentFor(fixture());
            assert.deepEqual(violations(document, vendor.connector.name, fields), []);
            assert.deepEqual(undeclared(document, { ...fields, ecs: [...fields.ecs, 'tags', '@timestamp'] }), []);
            const event = (document.event ?? {}) as Record<string, unknown>;
            const key = one.stream.key(withoutSecrets(fixture().record, one.stream.secrets));
            assert(
              [undefined, key].includes(event.id as string),
              `event.id is ${event.id}, the key of the stream ${key}`,
            );
            assert.deepEqual(
              ['hash', 'sequence', 'ingested'].filter((member) => event[member] !== undefined),
              [],
            );
            assert.equal(document.data_stream, undefined);
          },
        },
        {
          name: `${name} lets no secret through`,
          run() {
            const { secrets = [], ...rest } = fixture();
            const text = JSON.stringify(documentFor(rest));
            assert.deepEqual(
              secrets.filter((secret) => text.includes(secret)),
              [],
            );
          },
        },
        {
          name: `${name} with members that are missing, empty or of another type stays a document`,
          run() {
            const { record } = fixture();
            for (const member of Object.keys((record ?? {}) as object))
              for (const odd of [undefined, null, '', 0, true, [], {}, 'x'.repeat(40_000)]) {
                const damaged = { ...(record as object), [member]: odd };
                if (throws(() => one.stream.key(withoutSecrets(damaged, one.stream.secrets)))) continue;
                const document = documentFor({ about: '', record: damaged });
                assert.deepEqual(violations(document, vendor.connector.name, fields), [], `${member}: ${typeof odd}`);
              }
          },
        },
      ];
    }),
  ];
}

function throws(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

/** The document of a clean record, without the fields that the engine adds to every document. */
function documentOf({ connector }: Vendor, { stream, mapping }: One, fixture: Fixture): EcsDocument {
  const record = withoutSecrets(fixture.record, stream.secrets);
  const facts: SourceFacts = {
    ...{ name: 'test', connector: connector.name, tenantId: 'tenant-of-the-tests', keepOriginal: false },
    ...fixture.source,
  };
  const document = mapping(record, facts);
  dated(document, SHIPPED_MS);
  return document;
}
