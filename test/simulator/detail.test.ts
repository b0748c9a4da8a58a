import { describe, expect, test } from 'vitest';
import { type Loose, SEED, withSimulator } from './client.ts';

describe('details', () => {
  test('agree with the list, under parallel reading too', async () => {
    await withSimulator({ detections: 400 }, async (simulator, reader) => {
      const items = await reader.all();
      const answers = await Promise.all(items.map((item) => reader.get(`/detections/v2/${item.Id}/details`)));
      answers.forEach(({ status, json }, index) => {
        const { Id, PhoneticId, Severity, OccurrenceTime, Status, Device } = items[index];
        expect(status).toBe(200);
        expect(json).toMatchObject({ Id, PhoneticId, Severity, OccurrenceTime, Status });
        expect(json.Device.name ?? json.Device.Name).toBe(Device.name);
        expect(json.Device.id ?? json.Device.CylanceId).toBe(Device.CylanceId);
      });
      expect(simulator.stats()).toMatchObject({ unserved: 0, pending: 0, byEndpoint: { detail: 400 } });
    });
  });

  test('unknown ids are 404, other texts 400', async () => {
    await withSimulator({ detections: 10 }, async (_, reader) => {
      const unknown = '12345678-1234-4234-8234-123456789abc';
      expect((await reader.get(`/detections/v2/${unknown}/details`)).status).toBe(404);
      expect((await reader.get('/detections/v2/nonsense/details')).status).toBe(400);
    });
  });

  test('references point at artifacts, and every kind and part is there somewhere', async () => {
    await withSimulator({ detections: 600 }, async (simulator) => {
      const sources = new Set<string>();
      const types = new Set<string>();
      let nested = 0;
      for (const { record } of simulator.truth()) {
        const detail = record as Loose;
        const artifacts = new Map<string, Loose>();
        for (const artifact of detail.AssociatedArtifacts ?? []) {
          const [type] = Object.keys(artifact);
          const inner = artifact.Uid ? artifact : artifact[type as string];
          if (!inner) continue;
          artifacts.set(inner.Uid, artifact[inner.Type] ?? inner);
          types.add(inner.Type ?? inner.ObjectType);
          nested += inner === artifact && !artifact[inner.Type] ? 0 : 1;
        }
        for (const parts of Object.values(detail.ArtifactsOfInterest ?? {}) as Loose[][]) {
          for (const { Source, Artifact } of parts) {
            sources.add(Source);
            if (artifacts.size > 0) expect(artifacts.has(Artifact.Uid)).toBe(true);
          }
        }
        for (const artifact of artifacts.values()) {
          if (artifact.FileSignatureJson)
            expect(JSON.parse(artifact.FileSignatureJson).SignatureStatus).toBeTypeOf('string');
        }
      }
      expect([...types].sort()).toEqual(['File', 'NetworkConnection', 'Process', 'RegistryKey', 'Thread', 'User']);
      for (const source of [
        'Instigating Process Owner',
        'Target Process Image File',
        'Target File',
        'Target Registry Key',
        'Target Network Connection',
      ]) {
        expect(sources).toContain(source);
      }
      expect(nested).toBeGreaterThan(0);
    });
  });

  test('the first records are the documented sample: its members and no others', async () => {
    await withSimulator({ detections: 50 }, async (simulator) => {
      const { record } = simulator.truth().next().value as { record: Loose };
      expect(record).toMatchObject({
        AppliedExceptions: 'Unknown Type: list',
        AssociatedArtifacts: [{}],
        DetectionRule: {},
        Responses: [{ ActionResults: { additionalProp1: { HandlingResponderName: 'string' } } }],
      });
      expect(Object.keys(record.Device)).toEqual(['name', 'id']);
    });
  });
});

describe('planted secrets', () => {
  const plain = (rows: Iterable<{ record: unknown }>) =>
    [...rows].map(({ record }) => JSON.stringify(record)).join('\n');

  test('are in arguments, URLs and members, each with its own number; never without the option', async () => {
    await withSimulator({ detections: 300, plantSecrets: true, seed: SEED }, async (simulator) => {
      const text = plain(simulator.truth());
      const secrets = text.match(/PLANTED-SECRET-\d+/g) ?? [];
      expect(secrets.length).toBeGreaterThan(600);
      expect(new Set(secrets).size).toBe(secrets.length);
      for (const form of ['--password=PLANTED', '--password PLANTED', '-p PLANTED', ':PLANTED', 'Bearer PLANTED']) {
        expect(text).toContain(form);
      }
      for (const member of [
        '"password":"PLANTED',
        '"download_url":"http',
        '"downloadUrl":"http',
        '"Authorization":"Bearer',
      ]) {
        expect(text).toContain(member);
      }
    });
    await withSimulator({ detections: 300 }, async (simulator) => {
      expect(plain(simulator.truth())).not.toContain('PLANTED');
    });
  });
});
