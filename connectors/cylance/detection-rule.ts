/**
 * Detection rules: CylanceOPTICS API guide, "Get Detection Rule List", "Get Detection Rule Content", "Get Detection Rule
 * Natural Language Representation" and "Get Detection Rule Counts". The content is the rule's logic; who changed it, when,
 * its severity and its category stand in the list alone, so that a record is both together.
 */
import { Counts, members } from '../../members/cylance/detection-rule.ts';
import {
  actionOf,
  type IsNews,
  isGeneral,
  memberOf,
  messageOf,
  parseTimeMs,
  pathTo,
  SluiceError,
  type Stream,
  type StreamContext,
  type VendorRequest,
} from '../../src/index.ts';
import { withListed } from './shared/listed.ts';
import { textOf } from './shared/pages.ts';
import { idOf, listAt, snapshotOf } from './shared/snapshot.ts';

const LIST = '/rules/v2';
const LIST_SCOPE = 'opticsrule:list';
const READ_SCOPE = 'opticsrule:read';
const LOGIC_CHANGED = 'detection-rule-logic-changed';
const VERSION_CHANGED = 'detection-rule-version-changed';

const key = idOf(members, 'Id', 'rule');
const list = listAt({ path: LIST, scope: LIST_SCOPE });
/** The content, with what the list says of it. */
const ruleAt = withListed({ path: `${LIST}/{id}`, scope: READ_SCOPE, list, key, members, deletesSoftly: true });

export const detectionRule: Stream = {
  name: 'cylance.detection_rule',
  about: {
    title: 'CylanceOPTICS detection rules',
    endpoints: [`GET ${LIST}`, `GET ${LIST}/{id}`, `GET ${LIST}/{id}/natlang`, `GET ${LIST}/{id}/counts`],
    scopes: [LIST_SCOPE, READ_SCOPE],
    reading: 'snapshot, with details; natural language and counts once for each version of a rule',
    key: 'the id of the rule',
    limits: [
      'one that leaves a list with others in it is reported as deleted, also where its content may still be had (the vendor deletes softly)',
      'natural language and counts cost a request each, and are asked for once per version: the document of a change within a version says `unavailable`, and the revision before has them; what could not be had then is not asked for until the next version',
    ],
  },
  mode: 'snapshot',
  // Counters move by themselves; the last three are what `detail` adds, and follow from the logic or are counters, too.
  ignored: [
    ...['DeviceCount', 'RulesetCount', 'PolicyCount', 'deviceCount', 'rulesetCount', 'policyCount'],
    ...['device_count', 'ruleset_count', 'policy_count', 'NaturalLanguage', 'Counts', 'Unavailable'],
  ],
  secrets: [],
  key,
  timeMs: (record) => parseTimeMs(memberOf(members, record, 'LastModified')),
  isOpen: () => false, // the list shows every change
  changes: [
    { action: LOGIC_CHANGED, of: logicOf },
    {
      action: 'detection-rule-severity-changed',
      of: (record) => textOf(memberOf(members, record, 'Severity'))?.toLowerCase(),
    },
    { action: 'detection-rule-renamed', of: (record) => textOf(memberOf(members, record, 'Name')) },
    { action: VERSION_CHANGED, of: (record) => textOf(memberOf(members, record, 'Version')) },
  ],
  actions: { updated: 'detection-rule-updated', deleted: 'detection-rule-deleted' },
  pages: snapshotOf(key, list),
  detail,
  deletesSoftly: true,
  tombstone: (id) => ({ Id: id, Deleted: true }),
};

/** Undefined for a list record, which has none of it. */
function logicOf(record: unknown): unknown {
  const parts = (['States', 'Paths'] as const).map((name) => memberOf(members, record, name));
  return parts.every((part) => part === undefined) ? undefined : parts.map((part) => part ?? null);
}

/**
 * Natural language and counts cost a request each. They are asked for when the version or the logic is another one than
 * was delivered last, which is so for a rule that was never delivered, or only as the list has it. They are not when the
 * list changed in something else (who changed it, the category), when the detail was ahead of the list and is compared
 * once more, and for a rule that is not listed any more.
 *
 * Neither is worth losing the rule, so that one that cannot be had is left out, and `Unavailable` says why: `missing` (the
 * vendor has none), `failed` (it could not be read), `version_unchanged` (the document of the revision before has it).
 * All three members are ignored: a rule that was shipped without is not shipped again because they could be had later,
 * but with its next version.
 */
async function detail(context: StreamContext, id: string, listed?: unknown, isNews?: IsNews): Promise<unknown> {
  const rule = await ruleAt(context, id, listed);
  const isKnown = isNews !== undefined && ![VERSION_CHANGED, LOGIC_CHANGED].some((action) => isNews(action, rule));
  const [language, counts] = isKnown
    ? [UNCHANGED, UNCHANGED]
    : await Promise.all([
        extra(context, id, '/natlang', { accept: spoken, unparsed: unlessBroken() }),
        extra(context, id, '/counts', { accept: counted }),
      ]);
  const parts = { NaturalLanguage: language, Counts: counts };
  const given = Object.entries(parts).flatMap(([name, { said }]) => (said === undefined ? [] : [[name, said]]));
  const lacking = Object.entries(parts).flatMap(([name, { why }]) => (why === undefined ? [] : [[name, why]]));
  return {
    ...rule,
    ...Object.fromEntries(given),
    ...(lacking.length === 0 ? {} : { Unavailable: Object.fromEntries(lacking) }),
  };
}

function requestOf(context: StreamContext, id: string, part: string) {
  const { priority, signal } = context;
  const route = `${LIST}/{id}${part}`;
  return { path: pathTo(route, id), route, scope: READ_SCOPE, priority, signal };
}

interface Extra {
  said?: unknown;
  why?: string;
}

const UNCHANGED: Extra = { why: 'version_unchanged' };

/** Given up soon, since the rule itself is at hand and waits for it. */
async function extra(
  context: StreamContext,
  id: string,
  part: string,
  how: Pick<VendorRequest, 'accept' | 'unparsed'>,
): Promise<Extra> {
  try {
    const said = await context.client.json({ ...requestOf(context, id, part), retry: 'brief', ...how });
    return said === '' ? { why: 'missing' } : { said };
  } catch (error) {
    const action = actionOf(error);
    if (action === 'skip') return { why: 'missing' };
    context.signal.throwIfAborted();
    const isForeseen = error instanceof SluiceError; // a stack that overflows is this reply's
    if (isGeneral(error) || (isForeseen && action !== 'retry' && action !== 'reject')) throw error; // a rate limit is not this rule's
    context.log.warn({ key: id }, `shipping a rule without its ${part.slice(1)}: ${messageOf(error)}`);
    return { why: 'failed' };
  }
}

/** The guide's sample is an object with `Paths`, a list of lists of sentences; a text is the same told at once. */
function spoken(reply: unknown): unknown {
  if (typeof reply === 'string') return reply.trim();
  if (typeof reply !== 'object' || reply === null)
    throw new SluiceError('the reply is no natural language', { action: 'retry' });
  const members = Object.entries(reply).map(([name, part]) => [
    name,
    Array.isArray(part) ? part.map(asSentences) : part,
  ]);
  return Array.isArray(reply) ? reply.map(asSentences) : Object.fromEntries(members);
}

/** The sample writes a sentence in braces, as a name without a value. Secrets are looked for in texts, so it becomes one. */
function asSentences(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(asSentences);
  if (typeof part !== 'object' || part === null) return part;
  const isBare = Object.values(part).every((value) => value === null || value === '');
  return isBare ? Object.keys(part).join('\n') : JSON.stringify(part);
}

/**
 * A text without quotes is taken as it is; a page of some gateway is not. What begins like JSON may have been cut short on
 * its way, but the guide's own sample is no valid JSON (`{"…"}`): the same twice is what the vendor says.
 */
function unlessBroken(): (body: string) => string | undefined {
  let before: string | undefined;
  return (body) => {
    const text = body.trim();
    if (text.startsWith('<')) return undefined;
    if (!/^["[{]/.test(text) || text === before) return text;
    before = text;
    return undefined;
  };
}

function counted(reply: unknown): unknown {
  const counters = ['DeviceCount', 'RulesetCount', 'PolicyCount'] as const;
  if (counters.some((name) => memberOf(Counts, reply, name) !== undefined)) return reply;
  throw new SluiceError('the reply has no counts', { action: 'retry' });
}
