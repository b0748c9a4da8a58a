/**
 * Brings the pack into Kibana. Saved objects have fixed ids and replace what an earlier import made. A rule is replaced only
 * by a newer one, and keeps what people set on it: whether it is enabled, its actions and exceptions.
 */
import { z } from 'zod';
import { stopError } from '../../../api/errors.ts';
import type { ContentModule, PackedRule } from '../../shared/context.ts';
import type { Kibana } from './client.ts';

export interface Installed {
  kind: string;
  name: string;
  action: 'created' | 'replaced' | 'imported' | 'unchanged';
}

interface Wanted {
  content: ContentModule;
  /** Whether Kibana has a detection engine that is wanted. */
  rules: boolean;
  /** Whether panels of what is now ask `latest-*`. */
  latest: boolean;
  dryRun: boolean;
}

/** The first with the forms that the pack is in. */
const OLDEST = [8, 9];

const statusShape = z.object({ name: z.string().optional(), version: z.object({ number: z.string() }) });

/** Throws where no Kibana answers, or one that is too old. Returns its version. */
export async function versionOf(kibana: Kibana): Promise<string> {
  const { body } = await kibana.get('/api/status');
  const status = statusShape.safeParse(body);
  if (!status.success)
    throw stopError(
      'what answers there does not tell the version of a Kibana',
      'Give an API key (--api-key): without one, Kibana does not tell. Or something else answers there.',
    );
  const { number } = status.data.version;
  const [major = 0, minor = 0] = number.split('.').map(Number);
  const [oldest = 0, oldestMinor = 0] = OLDEST;
  if (major > oldest || (major === oldest && minor >= oldestMinor)) return number;
  throw stopError(
    `Kibana ${number} is too old`,
    `The pack is for ${OLDEST.join('.')} and newer, and made for 8.19 and 9.`,
  );
}

export async function install(kibana: Kibana, { content, rules, latest, dryRun }: Wanted): Promise<Installed[]> {
  const planned = rules ? await Promise.all(content.detectionRules().map((rule) => planOf(kibana, rule))) : [];
  const objects = content.savedObjects(latest);
  if (dryRun) {
    const named = objects.map(({ type, attributes }) => ({
      kind: type,
      name: nameOf(attributes),
      action: 'imported' as const,
    }));
    return [...named, ...planned.map(shown)];
  }
  const done = await importObjects(kibana, content, objects);
  await importRules(kibana, content, planned);
  return [...done, ...planned.map(shown)];
}

function nameOf(attributes: Readonly<Record<string, unknown>>): string {
  return String(attributes.name ?? attributes.title);
}

const objectsShape = z.object({
  success: z.boolean(),
  successResults: z.array(z.object({ type: z.string(), id: z.string(), overwrite: z.boolean().optional() })).optional(),
  errors: z
    .array(z.object({ type: z.string(), id: z.string(), error: z.looseObject({ type: z.string() }) }))
    .optional(),
});

async function importObjects(
  kibana: Kibana,
  content: ContentModule,
  objects: ReturnType<ContentModule['savedObjects']>,
): Promise<Installed[]> {
  const path = '/api/saved_objects/_import?overwrite=true';
  const reply = objectsShape.safeParse(await kibana.importFile(path, 'sluice.ndjson', content.toNdjson(objects)));
  if (!reply.success) throw stopError('Kibana answered the import in another form than it should', UNKNOWN_FORM);
  const { success, successResults = [], errors = [] } = reply.data;
  if (!success || errors.length > 0) {
    const lines = errors.map(({ type, id, error }) => `${type} ${id}: ${error.type}${wordsIn(error)}`);
    throw stopError(`Kibana did not take ${errors.length} of ${objects.length} saved objects: ${some(lines)}`, REFUSED);
  }
  const results = new Map(successResults.map((one) => [`${one.type} ${one.id}`, one]));
  return objects.map(({ type, id, attributes }) => {
    const replaced = results.get(`${type} ${id}`)?.overwrite ?? false;
    return { kind: type, name: nameOf(attributes), action: replaced ? 'replaced' : 'created' };
  });
}

const UNKNOWN_FORM = 'Import content/kibana/sluice.ndjson by hand, and report which Kibana this is.';
const REFUSED = 'What Kibana did take is there: mend the cause and run it again.';

function wordsIn(error: Readonly<Record<string, unknown>>): string {
  const said = error.message ?? (error.references === undefined ? undefined : JSON.stringify(error.references));
  return said === undefined ? '' : ` (${String(said).slice(0, 200)})`;
}

/** A few of many, in one line. */
function some(lines: readonly string[]): string {
  return lines.length > 3 ? `${lines.slice(0, 3).join('; ')}, and ${lines.length - 3} more` : lines.join('; ');
}

interface Plan {
  rule: PackedRule;
  action: 'created' | 'replaced' | 'unchanged';
}

const ruleShape = z.looseObject({
  version: z.number(),
  enabled: z.boolean(),
  actions: z.array(z.unknown()).optional(),
  exceptions_list: z.array(z.unknown()).optional(),
});

async function planOf(kibana: Kibana, rule: PackedRule): Promise<Plan> {
  const { status, body } = await kibana.get(
    `/api/detection_engine/rules?rule_id=${encodeURIComponent(rule.rule_id)}`,
    [404],
  );
  if (status === 404) return { rule, action: 'created' };
  const there = ruleShape.safeParse(body);
  if (!there.success)
    throw stopError(`Kibana tells of the rule ${rule.rule_id} in another form than it should`, UNKNOWN_FORM);
  if (there.data.version >= rule.version) return { rule, action: 'unchanged' };
  const { enabled, actions = [], exceptions_list: exceptions = [] } = there.data;
  return { rule: { ...rule, enabled, actions, exceptions_list: exceptions }, action: 'replaced' };
}

function shown({ rule, action }: Plan): Installed {
  return { kind: 'rule', name: rule.name, action };
}

const rulesShape = z.object({
  success: z.boolean(),
  success_count: z.number(),
  errors: z.array(z.object({ rule_id: z.string().optional(), error: z.object({ message: z.string() }) })).optional(),
});

async function importRules(kibana: Kibana, content: ContentModule, planned: readonly Plan[]): Promise<void> {
  const rules = planned.filter(({ action }) => action !== 'unchanged').map(({ rule }) => rule);
  if (rules.length === 0) return;
  const path = '/api/detection_engine/rules/_import?overwrite=true';
  const reply = rulesShape.safeParse(await kibana.importFile(path, 'sluice-rules.ndjson', content.toNdjson(rules)));
  if (!reply.success)
    throw stopError('Kibana answered the import of rules in another form than it should', UNKNOWN_FORM);
  const { success, errors = [], success_count: taken } = reply.data;
  if (success && errors.length === 0 && taken === rules.length) return;
  const lines = errors.map(({ rule_id: id, error }) => `${id ?? 'a rule'}: ${error.message.slice(0, 200)}`);
  throw stopError(`Kibana took ${taken} of ${rules.length} rules: ${some(lines)}`, REFUSED);
}
