/** A revision on its way to the sink: its document in bytes, the notes that it leaves, and the line that is kept of it. */
import type { EcsDocument } from '../../api/document.ts';
import { messageOf, SluiceError } from '../../api/errors.ts';
import { completeHost, hostNote } from '../../api/records/host-facts.ts';
import { documentId } from '../../api/records/identity.ts';
import type { OutDocument } from '../../api/sink.ts';
import type { Note } from '../../api/walk.ts';
import { toJson } from '../../sinks/serialize.ts';
import { beginLine, type MappedAs } from '../../state/raw/record.ts';
import type { PipelineState } from '../../state/store.ts';
import type { OwnMapping } from '../own/mapping.ts';
import type { Pipeline } from '../pipeline.ts';
import { continued } from './closing.ts';
import { attempt } from './compare.ts';
import { type Revision, toDocument } from './document.ts';

export type OutNeeds = Pick<
  Pipeline,
  'registered' | 'source' | 'own' | 'enrichHosts' | 'wantedNotes' | 'raw' | 'sinkName' | 'log'
>;

/** A record, and what is to be made of it. */
export interface Revised {
  record: unknown;
  key: string;
  revision: string;
  ordinal: number;
  timeMs: number | null;
  mappedAs: MappedAs;
}

export interface Ready {
  /** Undefined where the user's own mapping drops the document. */
  out: OutDocument | undefined;
  /** What dropped it. */
  droppedBy?: string;
  /** Whether it raises an alert. */
  isAlert: boolean;
  notes: Note[];
  /** What is remembered of the document. */
  last: string | undefined;
  /** The begin of the line that is kept; undefined where none is. */
  raw: string | undefined;
}

export function ready(pipeline: OutNeeds, revised: Revised, note: PipelineState['note']): Ready {
  const { registered, source, raw } = pipeline;
  const { record, key, revision, ordinal } = revised;
  const mappedAs = { ...revised.mappedAs };
  const { serial, hostId, notes, last, droppedBy, isAlert } = serialised(pipeline, revised, (kind, id) => {
    mappedAs.host = note(kind, id);
    return mappedAs.host;
  });
  if (serial === undefined) return { out: undefined, droppedBy, isAlert: false, last, notes, raw: undefined };
  const names = { id: documentId(registered.stream.name, key, ordinal, revision), stream: registered.stream.name };
  const facts = { sink: pipeline.sinkName, key, ordinal, revision, timeMs: revised.timeMs ?? mappedAs.atMs };
  return {
    out: { ...names, namespace: source.name, key, revision, ordinal, hostId, ...serial },
    isAlert,
    last,
    notes,
    raw: raw && beginLine({ ...facts, ...mappedAs }, record),
  };
}

interface Serialised {
  serial: ReturnType<typeof toJson> | undefined;
  isAlert: boolean;
  hostId: string | undefined;
  notes: Note[];
  last: string | undefined;
  droppedBy?: string;
}

/** The document of a record, which is a `pipeline_error` where anything on the way to its bytes goes wrong. */
function serialised(pipeline: OutNeeds, revised: Revised, note: PipelineState['note']): Serialised {
  const { registered, source, own, enrichHosts } = pipeline;
  const { key, revision, ordinal, record, mappedAs } = revised;
  const { kind, action, atMs } = mappedAs;
  const facts: Revision = { key, revision, ordinal, action, detailMissing: kind === 'detail-missing' };
  try {
    const document = toDocument(registered, source, record, facts, mappedAs, atMs);
    const last = continued(registered.stream, document, mappedAs);
    if (enrichHosts && !registered.stream.describesHosts) completeHost(document, note);
    // What others rely on comes from Sluice's mapping, whatever is made of it then.
    const beside = { hostId: hostIdOf(document), notes: notesOf(pipeline, record, document), last };
    if (own === undefined || isError(document))
      return { ...beside, isAlert: isAlert(document), serial: toJson(document) };
    const applied = own.apply(document, record, source);
    if ('droppedBy' in applied) return { ...beside, isAlert: false, serial: undefined, droppedBy: applied.droppedBy };
    return { ...beside, isAlert: isAlert(applied.document), serial: toJson(applied.document) };
  } catch (error) {
    if (error instanceof SluiceError) throw error; // of the state, not of the record
    const why = `this record cannot be shipped: ${messageOf(error)}`;
    pipeline.log[isToldOften(own) ? 'debug' : 'warn']({ key }, why);
    const document = toDocument(registered, source, record, facts, mappedAs, atMs, why);
    const notes = notesOf(pipeline, record, document);
    return { serial: toJson(document), isAlert: false, hostId: undefined, notes, last: mappedAs.before };
  }
}

/** Whether a log would be full of it: the 1st, 10th, 100th … failure of the user's own mapping is a warning. */
function isToldOften(own: OwnMapping | undefined): boolean {
  const failures = own?.failures() ?? 0;
  return failures > 1 && !Number.isInteger(Math.log10(failures));
}

function hostIdOf({ host }: EcsDocument): string | undefined {
  return (host as { id?: string } | undefined)?.id;
}

function isAlert({ event }: EcsDocument): boolean {
  return (event as { kind?: string }).kind === 'alert';
}

function isError({ event }: EcsDocument): boolean {
  return (event as { kind?: string }).kind === 'pipeline_error';
}

/** Whether documents of the stream may leave any. */
export function leavesNotes({ registered: { stream }, wantedNotes }: OutNeeds): boolean {
  return wantedNotes.size > 0 || stream.describesHosts === true;
}

/** What is remembered for other streams of the source together with the record. */
function notesOf({ registered: { stream }, wantedNotes }: OutNeeds, record: unknown, document: EcsDocument): Note[] {
  const all = wantedNotes.size > 0 ? attempt(() => stream.notes?.(record)) : undefined;
  const notes = (all ?? []).filter(({ kind }) => wantedNotes.has(kind));
  const host = stream.describesHosts ? hostNote(document) : undefined;
  return host === undefined ? notes : [...notes, host];
}
