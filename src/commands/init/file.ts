/** The config that `sluice init` writes, and which variables it refers to. */
import { stringify } from 'yaml';
import { z } from 'zod';
import type { Connector } from '../../api/connector.ts';

type Value = string | readonly string[];

export interface Beginning {
  connector: Connector;
  source: { name: string; place: Readonly<Record<string, string>> };
  sink: { type: string; keys: Readonly<Record<string, Value>> };
}

export interface Variable {
  name: string;
  /** What it holds. */
  about: string;
}

/** The keys that a source of this connector needs, `place` aside: each a variable of its own, since none belongs in a file. */
function needed({ config }: Connector, place: Readonly<Record<string, string>>): { key: string; about: string }[] {
  const schema = z.toJSONSchema(z.strictObject(config.keys), { io: 'input' });
  const keys = (schema.required ?? []).filter((key) => key !== 'connector' && !(key in place));
  return keys.map((key) => {
    const { description = '' } = (schema.properties?.[key] ?? {}) as { description?: string };
    return { key, about: description.replace(/:? `\$\{NAME\}`.*/, '.') };
  });
}

/** The text of the file, and the variables to set before it is used. */
export function configText({ connector, source, sink }: Beginning): { text: string; variables: Variable[] } {
  const ours = needed(connector, source.place).map(({ key, about }) => ({
    ...{ key, about },
    name: `${connector.name}_${key}`.toUpperCase(),
  }));
  const isVariable = (value: Value): value is string => typeof value === 'string' && /^\$\{\w+\}$/.test(value);
  const ofSink = Object.entries(sink.keys).flatMap(([key, value]) =>
    isVariable(value) ? [{ name: value.slice(2, -1), about: `The ${key} of the sink ${sink.type}.` }] : [],
  );
  const text = [
    '# Written by `sluice init`. Everything else has a default: `sluice config` lists it, docs/config.md says why.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the file's own way to name a variable
    '# ${NAME} is taken from the environment; file:/run/secrets/name reads a file instead.',
    'sources:',
    ...item({ name: source.name, connector: connector.name, ...source.place }),
    ...ours.map(({ key, name }) => `    ${key}: \${${name}}`),
    '    # streams: [...]                # all of the connector; `sluice streams` lists them with their scopes',
    '',
    'sinks:',
    ...item({ name: sink.type, type: sink.type, ...sink.keys }),
    '',
    'health:',
    '  port: 8080                       # /healthz, /readyz and /metrics, on this machine only',
    '',
  ].join('\n');
  return { text, variables: [...ours.map(({ name, about }) => ({ name, about })), ...ofSink] };
}

/** The lines of an entry of a list. */
function item(keys: Readonly<Record<string, Value>>): string[] {
  return Object.entries(keys).map(([key, value], index) => `  ${index === 0 ? '-' : ' '} ${key}: ${inYaml(value)}`);
}

function inYaml(value: Value): string {
  return typeof value === 'string' ? stringify(value, { lineWidth: 0 }).trimEnd() : `[${value.map(inYaml).join(', ')}]`;
}
