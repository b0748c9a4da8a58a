import { cylance } from '../../connectors/cylance/shared/client.ts';
import type { CylanceSettings } from '../../connectors/cylance/shared/config.ts';
import { SluiceError } from '../../src/api/errors.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';
import type { Config, SourceConfig } from '../../src/engine/settings.ts';

export const knownStreams = [
  { name: 'cylance.detection', connector: cylance },
  { name: 'cylance.threat', connector: cylance },
] as const;

/** A valid file; `extra` is added to the source, `rest` at the end. */
export function file(extra = '', rest = ''): string {
  return `sources:
  - name: acme
    connector: cylance
    tenant_id: t-1
    application_id: a-1
    application_secret: \${SECRET}
${extra}
sinks:
  - { name: files, type: ndjson }
${rest}`;
}

/** A source with the keys of its connector. */
export type WholeSource = SourceConfig & CylanceSettings;

/** With sources of whole keys. */
export function whole<T extends { config: Config }>(loaded: T) {
  return loaded as unknown as Omit<T, 'config'> & { config: Omit<Config, 'sources'> & { sources: WholeSource[] } };
}

/** Loads a text as if it were `sluice.yaml`; other files come from `files`. */
export function load(text: string, options: Partial<LoadOptions> & { files?: Record<string, string> } = {}) {
  const files: Record<string, string> = { 'sluice.yaml': text, ...options.files };
  const loaded = loadConfig('sluice.yaml', {
    env: { SECRET: 'very-secret-1' },
    knownStreams,
    readFile: (path) => {
      const found = files[path];
      if (found === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return found;
    },
    ...options,
  });
  return whole(loaded);
}

/** The lines of the message that a text is refused with. */
export function problems(text: string, options: Parameters<typeof load>[1] = {}): string[] {
  try {
    load(text, options);
  } catch (error) {
    if (!(error instanceof SluiceError) || error.kind !== 'usage') throw error;
    const lines = error.message.split('\n').map((line) => line.trim());
    return lines.length > 1 ? lines.slice(1) : lines;
  }
  throw new Error('the config was accepted');
}
