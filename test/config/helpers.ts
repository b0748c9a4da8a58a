import { SluiceError } from '../../src/api/errors.ts';
import { type LoadOptions, loadConfig } from '../../src/config/load.ts';

export const knownStreams = [
  { name: 'cylance.detection', connector: 'cylance' },
  { name: 'cylance.threat', connector: 'cylance' },
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

/** Loads a text as if it were `sluice.yaml`; other files come from `files`. */
export function load(text: string, options: Partial<LoadOptions> & { files?: Record<string, string> } = {}) {
  const files: Record<string, string> = { 'sluice.yaml': text, ...options.files };
  return loadConfig('sluice.yaml', {
    env: { SECRET: 'very-secret-1' },
    knownStreams,
    readFile: (path) => {
      const found = files[path];
      if (found === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
      return found;
    },
    ...options,
  });
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
