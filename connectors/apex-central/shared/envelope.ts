/**
 * Reads the envelope of a reply. A failure may come with HTTP 200, in one of three envelopes (Automation API guide, "API
 * responses"): tasks have `Data.Code` (0 is success) and `Meta` (`result` 1, `errorCode` 0, in two spellings), other calls
 * `result_code` (1 is success). `FeatureCtrl`, `PermissionCtrl` and `SystemCtrl` are not about the request.
 */
import { SluiceError, withoutSecrets } from '../../../src/index.ts';
import { embedded, isTrue, jsonOf, listOf, member, others, steadyJsonOf, textOf, wholeOf } from './json.ts';

/** A failure in the vendor's words. */
export interface Failure {
  /** `Data.Code 5`, `errorCode 1017`. */
  code: string;
  said: string;
}

/** The failure in an envelope, if any. Throws `retry` for a reply without an envelope. */
export function failureOf(reply: unknown, place: string): Failure | undefined {
  const data = member(reply, 'Data');
  const meta = member(reply, 'Meta');
  const resultCode = member(reply, 'result_code');
  if (data === undefined && meta === undefined && resultCode === undefined) {
    throw garbled(`${place}: the reply has neither Data and Meta nor a result_code`);
  }
  return ofData(data) ?? ofMeta(meta) ?? ofResult(reply, resultCode, data !== undefined);
}

function ofData(data: unknown): Failure | undefined {
  const code = member(data, 'Code');
  if (code === undefined || wholeOf(code) === 0) return undefined;
  return { code: `Data.Code ${textOf(code)}`, said: textOf(member(data, 'Message')) ?? '' };
}

function ofMeta(meta: unknown): Failure | undefined {
  const result = member(meta, 'result');
  const given = member(meta, 'errorCode');
  const errorCode = given === '' ? undefined : given;
  const said = textOf(member(meta, 'errorMsg', 'errorMessgae', 'errorMessage')) ?? '';
  if (errorCode !== undefined && wholeOf(errorCode) !== 0) return { code: `errorCode ${short(errorCode)}`, said };
  if (result !== undefined) return isTrue(result) ? undefined : { code: `Meta.result ${short(result)}`, said };
  if (errorCode !== undefined || said === '' || SUCCESS.test(said)) return undefined;
  return { code: 'Meta without result', said };
}

/** `Success`, `TMSL_S_SUCCESS`, `OK`. */
const SUCCESS = /(?:^|_)success|^ok\b/i;

/** Beside `Data`, a result code of 0 is success too, as in the guide. */
function ofResult(reply: unknown, code: unknown, besideData: boolean): Failure | undefined {
  if (code === undefined || wholeOf(code) === 1 || (besideData && wholeOf(code) === 0)) return undefined;
  const said = textOf(member(reply, 'result_description', 'message')) ?? '';
  return { code: `result_code ${textOf(code)}`, said };
}

const SIGNATURE = /signature|checksum|\bjwt\b|unauthori[sz]ed|authenticat|application id|\bapi key\b|\biat\b/i;
const PERMISSION = /permission|not (?:allowed|authori[sz]ed|licensed)|access denied|forbidden|licen[cs]e/i;
const REFUSED = /invalid|not found|does not exist|no such|not supported|malformed|missing/i;

export type FailureKind = 'signature' | 'permission' | 'refused' | 'trouble';

/** The kind of a failure. The guide lists no codes for these kinds, so the words decide; any other failure counts as temporary. */
export function kindOf({ said }: Failure): FailureKind {
  if (SIGNATURE.test(said)) return 'signature';
  if (PERMISSION.test(said)) return 'permission';
  return REFUSED.test(said) ? 'refused' : 'trouble';
}

/** The reply to a task or a list: the inner `Data`. */
export interface TaskReply {
  taskId: string | undefined;
  /** Must be sent back byte for byte: JSON in a text, and not always valid. */
  lastContentId: string | undefined;
  hasMore: boolean;
  serverGuid: string | undefined;
  serverName: string | undefined;
  /** Hours east of Greenwich. */
  timeZone: unknown;
  content: Entry[];
  /** Failures in the vendor's words: servers that did not answer, entries with a status other than 0. */
  failures: string[];
  /** Unknown members around the content, as JSON. */
  beside: string[];
  /** The length of the reply. */
  bytes: number;
}

/** Members of the inner `Data`, and of an entry around its content. */
const AROUND = [
  'taskId',
  'lastContentId',
  'hasMore',
  'serverGuid',
  'serverName',
  'TimeZone',
  'content',
  'errorServers',
];
const OF_ENTRY = ['statusCode', 'content'];

/** One entry of `content`: its inner content, or the text if that is no JSON. */
export type Entry = { kind: 'content'; content: unknown } | { kind: 'unreadable'; text: string };

/** Reads the reply of a task. Throws `retry` for any other reply. */
export function readTaskReply(reply: unknown, place: string, bytes = 0): TaskReply {
  const outer = member(reply, 'Data');
  const data = member(outer, 'Data');
  if (typeof data !== 'object' || data === null) throw garbled(`${place}: the reply has no Data.Data`);
  const failures = new Set<string>();
  const beside = new Set<string>();
  keepBeside(beside, others(data, AROUND));
  const unanswered = member(data, 'errorServers');
  if (listOf(unanswered)?.length !== 0) failures.add(`not every server answered: ${short(unanswered)}`);
  const lastContentId = member(data, 'lastContentId');
  return {
    taskId: textOf(member(data, 'taskId')),
    lastContentId: typeof lastContentId === 'string' ? lastContentId : undefined,
    hasMore: isTrue(member(data, 'hasMore')),
    serverGuid: textOf(member(data, 'serverGuid')),
    serverName: textOf(member(data, 'serverName')),
    timeZone: member(outer, 'TimeZone') ?? member(data, 'TimeZone'),
    content: entriesOf(member(data, 'content'), failures, beside),
    failures: [...failures],
    beside: [...beside],
    bytes,
  };
}

function entriesOf(content: unknown, failures: Set<string>, beside: Set<string>): Entry[] {
  const entries = listOf(content);
  if (entries === undefined) return [{ kind: 'unreadable', text: String(content) }];
  return entries.flatMap((entry) => entryOf(entry, failures, beside));
}

function entryOf(given: unknown, failures: Set<string>, beside: Set<string>): Entry[] {
  const entry = typeof given === 'string' ? (embedded(given) ?? given) : given;
  const status = member(entry, 'statusCode');
  const said = textOf(member(entry, 'message')) ?? '';
  const isFailure = status !== undefined && wholeOf(status) !== 0;
  const isTold = isFailure || SUCCESS.test(said);
  if (isFailure) {
    failures.add(`statusCode ${textOf(status)}: ${short(said)}`);
  }
  const inner = member(entry, 'content') ?? unwrapped(entry);
  if (inner !== entry) keepBeside(beside, others(entry, isTold ? [...OF_ENTRY, 'message'] : OF_ENTRY));
  if (inner === undefined || inner === null || inner === '') return [];
  const content = embedded(inner);
  if (typeof content === 'object') return holdsAnything(content) ? [{ kind: 'content', content }] : [];
  return [{ kind: 'unreadable', text: typeof inner === 'string' ? inner : jsonOf(inner) }];
}

/** Keeps unknown members, except those of a list and of a failure, which are reported elsewhere. */
function keepBeside(beside: Set<string>, said: object | undefined): void {
  if (said !== undefined) beside.add(steadyJsonOf(said));
}

/** The content of an entry without an inner `content`; undefined for an entry that only has a status. */
function unwrapped(entry: unknown): unknown {
  if (typeof entry !== 'object' || entry === null || member(entry, ...LISTS) !== undefined) return entry;
  return Object.keys(entry).some((name) => /^(?:statusCode|message|content)$/i.test(name)) ? undefined : entry;
}

/** The lists of a footprint. */
export const LISTS = ['footprint', 'metaProperty', 'group'] as const;

/** Whether there is any content: a running task may send empty lists with a count of 0. */
function holdsAnything(content: unknown): boolean {
  if (member(content, ...LISTS) !== undefined) return LISTS.some((name) => listOf(member(content, name))?.length !== 0);
  return Object.values(content ?? {}).some((value) => (Array.isArray(value) ? value.length > 0 : value !== null));
}

/** The first of many failures, for a message. */
export function listed(failures: readonly string[]): string {
  const MOST = 5;
  const rest = failures.length - MOST;
  return failures.slice(0, MOST).join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

/** The beginning of any value, for a message. */
export function short(value: unknown): string {
  const text = typeof value === 'string' ? value : jsonOf(value);
  return withoutSecrets(text, []).replace(/\s+/g, ' ').slice(0, 200);
}

export function garbled(message: string): SluiceError {
  return new SluiceError(message, {
    action: 'retry',
    advice: 'If this stays so, the vendor changed its API: please report it, with the output of `sluice check`.',
  });
}
