import { mix } from '../hash.ts';
import type { Chain, ChainEvent, Node } from './chains.ts';

/** A chain as the API serves it, and as a perfect connector delivers it. */

/** Hours east of Greenwich. */
export const TIME_ZONE = 8;

function eventJson(event: ChainEvent, seed: number): string {
  const { eventId, metaLinkId, facts, metas } = event;
  // The id is documented as an integer, and shown as a text: both are served.
  const isNumber = mix(seed, Number.parseInt(eventId, 10), 903) % 2 === 0;
  const link = isNumber ? metaLinkId : JSON.stringify(metaLinkId);
  const meta = metas.map(({ id, type }) => ({ metaHashId: id, metaType: type }));
  const start = `{"eventId":${JSON.stringify(eventId)},"metaLinkId":${link},`;
  // The vendor promises no order of facts.
  return `${start}${JSON.stringify({ ...facts, meta: isNumber ? meta.reverse() : meta }).slice(1)}`;
}

function nodeJson({ events, ...edge }: Node, seed: number): string {
  return `${JSON.stringify(edge).slice(0, -1)},"event":[${events.map((event) => eventJson(event, seed)).join()}]}`;
}

function propertiesOf(nodes: readonly Node[]): { metaHashId: string; metaValue: string }[] {
  const values = new Map(
    nodes.flatMap(({ events }) => events.flatMap(({ metas }) => metas.map(({ id, value }) => [id, value]))),
  );
  return [...values].map(([metaHashId, metaValue]) => ({ metaHashId, metaValue }));
}

/** One entry of `content`; `asText` writes its inner content as JSON in a text. */
function entry(inner: string, asText: boolean): string {
  return `{"statusCode":0,"message":"TMSL_S_SUCCESS","content":${asText ? JSON.stringify(inner) : inner}}`;
}

/**
 * The whole content in so many parts. Nodes are distributed in turn, so that a node's parent may be in another part; the last
 * part has the values of the hashes.
 */
export function contentOf(chain: Chain, parts: number, seed: number): string[] {
  return Array.from({ length: parts }, (_, part) => {
    const nodes = chain.nodes.filter((_node, at) => at % parts === part);
    const isLast = part === parts - 1;
    const properties = isLast ? JSON.stringify(propertiesOf(chain.nodes)) : '[]';
    const group = part === 0 ? JSON.stringify([chain.group]) : '[]';
    const footprint = nodes.map((node) => nodeJson(node, seed)).join();
    const inner = `{"footprint":[${footprint}],"metaProperty":${properties},"group":${group}}`;
    const entries = [entry(inner, mix(seed, chain.index * 8 + part, 904) % 3 === 0)];
    if (isLast && chain.malformed !== undefined) entries.push(entry(chain.malformed, true));
    return `[${entries.join()}]`;
  });
}

export interface Row {
  id: string;
  json: string;
}

function joinedMeta({ metas }: ChainEvent): object[] {
  return metas.map(({ type, id, value }) => ({ metaType: type, metaHashId: id, metaValue: value }));
}

function parentOf(chain: Chain, { parentId }: Node): object | undefined {
  const [event] = chain.nodes.find(({ objectId }) => objectId === parentId)?.events ?? [];
  if (event === undefined) return undefined;
  const { objectType, objectName, operationType, timestamp } = event.facts;
  return {
    ...{ objectId: parentId, eventId: event.eventId, metaLinkId: event.metaLinkId },
    ...{ objectType, objectName, operationType, timestamp, meta: joinedMeta(event) },
  };
}

/** The records of a chain, as their stream yields them. */
export function* rowsOf(chain: Chain): Generator<Row> {
  const { serverName, group } = chain;
  const [serverGuid, agentGuid, scanSummaryGuid] = [chain.serverGuid, chain.agentGuid, chain.scanSummaryGuid].map(
    (guid) => guid.toUpperCase(),
  );
  const common = { serverGuid, serverName, agentGuid, scanSummaryGuid, TimeZone: TIME_ZONE };
  const scope = `${scanSummaryGuid}/${agentGuid}`.toLowerCase();
  for (const node of chain.nodes) {
    const { events, ...footprint } = node;
    for (const event of events) {
      const { eventId, metaLinkId, facts } = event;
      const parent = parentOf(chain, node);
      const record = { ...facts, eventId, metaLinkId, meta: joinedMeta(event), footprint, parent, group, ...common };
      const id = `${scope}/${node.parentId}/${node.objectId}/${eventId}/${metaLinkId}`;
      yield { id, json: JSON.stringify(record) };
    }
  }
  if (chain.malformed === undefined) return;
  yield { id: `${scope}/malformed`, json: JSON.stringify({ unreadable: chain.malformed, ...common }) };
}
