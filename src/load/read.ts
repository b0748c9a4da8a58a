/** What a record of a topic is: a document that Sluice wrote, or something else. */
import type { EcsDocument, StreamName } from '../api/document.ts';
import { isOwnId } from '../api/records/identity.ts';
import type { OutDocument } from '../api/sink.ts';
import { toJson } from '../sinks/serialize.ts';

/** Null where a record says so; a list where a header is there more than once. */
type HeaderValue = Buffer | string | null | (Buffer | string | null)[] | undefined;

/** A record as Kafka has it. */
export interface TopicRecord {
  offset: bigint;
  key: Buffer | null;
  value: Buffer | null;
  headers: Readonly<Record<string, HeaderValue>>;
}

/** Names that are part of the name of a data stream, and so of a URL. */
const STREAM = /^[a-z0-9_]{1,100}(?:\.[a-z0-9_]{1,100}){1,3}$/;
const NAMESPACE = /^[a-z0-9_]{1,100}$/;

/** The document, or in words why the record is none of Sluice's: its id has to follow from what it says of itself. */
export function documentIn({ value, headers }: TopicRecord): OutDocument | string {
  const [id, dataset, revision] = ['id', 'dataset', 'revision'].map((name) => textOf(headers[name]));
  if (id === undefined || dataset === undefined || revision === undefined) {
    const missing = ['id', 'dataset', 'revision'].filter((name) => textOf(headers[name]) === undefined);
    return `it has no header ${missing.map((name) => `"${name}"`).join(', ')}`;
  }
  if (value === null || value.length === 0) return 'it has no value';
  const document = parsed(value);
  if (document === undefined) return 'its value is no JSON object';
  const { event, data_stream: to } = document as Record<string, Record<string, unknown> | undefined>;
  const { id: key, sequence: ordinal, hash } = event ?? {};
  const namespace = to?.namespace;
  if (to?.dataset !== dataset || !STREAM.test(dataset)) return 'its header "dataset" is not its data_stream.dataset';
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) return 'its data_stream.namespace names no source';
  if (typeof key !== 'string' || typeof ordinal !== 'number' || hash !== revision)
    return 'its event.id, event.sequence and event.hash do not fit its headers';
  if (!isOwnId(dataset, { id, key, ordinal, revision })) return 'its header "id" does not follow from its content';
  const names = { id, stream: dataset as StreamName, namespace, key, revision, ordinal, hostId: undefined };
  return { ...names, ...placed(value, document) };
}

/** The text of a header that is there once. */
export function textOf(value: HeaderValue): string | undefined {
  return value === undefined || value === null || Array.isArray(value) ? undefined : value.toString();
}

function parsed(value: Buffer): EcsDocument | undefined {
  try {
    const found: unknown = JSON.parse(value.toString('utf8'));
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as EcsDocument) : undefined;
  } catch {
    return undefined;
  }
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const BEGIN = '"ingested":"'.length;

/** The bytes as they are, with the place of `event.ingested` in them; made anew where that place is not the only such. */
function placed(value: Buffer, document: EcsDocument): Pick<OutDocument, 'json' | 'ingestedAt'> {
  const { ingested } = document.event as { ingested?: unknown };
  if (typeof ingested === 'string' && TIME.test(ingested)) {
    const member = `"ingested":"${ingested}"`;
    const at = value.indexOf(member, 0, 'latin1');
    const isOnly = at >= 0 && value.indexOf(member, at + 1, 'latin1') < 0;
    if (isOnly) return { json: inOneLine(value), ingestedAt: at + BEGIN };
  }
  return toJson(document);
}

const SPACE = 32;
const BREAKS = [10, 13];

/** In JSON a line break is only ever a space between two tokens; in the body of a request it would begin another operation. */
function inOneLine(json: Buffer): Buffer {
  if (!BREAKS.some((each) => json.includes(each))) return json;
  return Buffer.from(json.map((byte) => (BREAKS.includes(byte) ? SPACE : byte)));
}
