/**
 * Detection rules: CylanceOPTICS API guide, "Get Detection Rule List", "Get Detection Rule Content", "Get Detection Rule
 * Natural Language Representation" and "Get Detection Rule Counts". The content is the rule's logic; only the list has its
 * severity, its category, and who changed it when. A record joins both.
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
/** The content of a rule, joined with its list record. */
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
  // Counters change by themselves; `detail` adds the last three, which follow from the logic or are counters, too.
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

/** The logic of a rule; undefined for a list record. */
function logicOf(record: unknown): unknown {
  const parts = (['States', 'Paths'] as const).map((name) => memberOf(members, record, name));
  return parts.every((part) => part === undefined) ? undefined : parts.map((part) => part ?? null);
}

/**
 * Natural language and counts cost a request each. They are requested when the version or the logic differs from the last
 * delivery, also for a rule that was never delivered, or only as a list record. They are not requested when only other
 * members of the list record changed (the author, the category), when the detail was ahead of the list and is compared once
 * more, and for a rule that is not listed any more.
 *
 * A rule is shipped without them if need be, and `Unavailable` says why: `missing` (the vendor has none), `failed` (they
 * could not be read), `version_unchanged` (the document of the revision before has them). All three members are ignored: a
 * rule that was shipped without them is shipped again with its next version, not as soon as they can be read.
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

/** Reads natural language or counts; given up soon, since the rule waits for it. */
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
    const isForeseen = error instanceof SluiceError; // else an unexpected error, such as a stack overflow on this reply
    if (isGeneral(error) || (isForeseen && action !== 'retry' && action !== 'reject')) throw error; // a rate limit does not concern this rule alone
    context.log.warn({ key: id }, `shipping a rule without its ${part.slice(1)}: ${messageOf(error)}`);
    return { why: 'failed' };
  }
}

/** The guide's sample is an object with `Paths`, a list of lists of sentences; a plain text is accepted as well. */
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

/** The sample has sentences as names without a value. They become texts, since secrets are searched in texts. */
function asSentences(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(asSentences);
  if (typeof part !== 'object' || part === null) return part;
  const isBare = Object.values(part).every((value) => value === null || value === '');
  return isBare ? Object.keys(part).join('\n') : JSON.stringify(part);
}

/**
 * A body that is no JSON is accepted as text, unless it is the page of a gateway. A body that begins like JSON may have been
 * cut short, but the guide's own sample is no valid JSON (`{"…"}`): it is accepted when it comes twice.
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
