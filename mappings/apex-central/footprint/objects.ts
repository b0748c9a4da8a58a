import { type Fields, filled, isEmpty, keyword, misfit, put, type Related, text, type Unfit } from '../../ecs.ts';
import { title } from '../../ecs-document.ts';
import type { Draft } from '../../ecs-frame.ts';
import { account as accountOf, extensionOf } from '../../ecs-names.ts';
import { type Facts, fileOf, hashesOf, placeAt, processOf, signatureOf } from './meta.ts';

const PROCESS = placeAt('process');
const PARENT = placeAt('process.parent');
const FILE = placeAt('file');

type Kind = 'process' | 'file' | undefined;

function kindOf(objectType: unknown, facts: Facts): Kind {
  if (text(objectType) === '2' || facts.pid !== undefined) return 'process';
  const isFile = ['fileName', 'directory', 'md5', 'sha1', 'sha256'].some(
    (name) => facts[name as keyof Facts] !== undefined,
  );
  return isFile ? 'file' : undefined;
}

/** One of the two nodes of an event. */
interface Node {
  objectType: unknown;
  objectName: unknown;
  /** In the chain. */
  id: unknown;
  facts: Facts;
  hasInvalidSigner: boolean;
}

type Said = { readonly objectType?: unknown; readonly objectName?: unknown };

export function nodeOf({ objectType, objectName }: Said, id: unknown, facts: Facts, hasInvalidSigner: boolean): Node {
  return { objectType, objectName, id, facts, hasInvalidSigner };
}

/** The node itself and the one above it, each at its place. Returns the message. */
export function putObjects(draft: Draft, node: Node, parent: Node): string {
  const { document, event, unfit, related } = draft;
  const { facts } = node;
  const kind = kindOf(node.objectType, facts);
  const isChildOfProcess = kindOf(parent.objectType, parent.facts) === 'process';
  const above = (place: typeof PROCESS) => (isChildOfProcess ? processAt(draft, place, parent) : undefined);
  event.category = [kind ?? 'host'];
  event.type = ['info'];
  if (kind === 'process') {
    const process = processAt(draft, PROCESS, node);
    put(process, 'parent', above(PARENT));
    put(document, 'process', filled(process));
  } else {
    put(document, 'process', above(PROCESS));
    if (kind === 'file') put(document, 'file', filled(touchedFile(draft, node)));
  }
  const user = userOf(unfit, facts, related);
  // A process need not run as the user who started it; any other object was touched by the process above.
  put(document, 'user', user ?? (kind === 'process' ? undefined : userOf(unfit, parent.facts, related)));
  return titleOf(kind, document, node, parent);
}

function processAt(draft: Draft, place: typeof PROCESS, { objectName, id, facts, hasInvalidSigner }: Node): Fields {
  const { document, unfit, related } = draft;
  const process = processOf(unfit, place, facts, objectName);
  put(process, 'entity_id', entityId(document, id));
  put(process, 'code_signature', signatureOf(unfit, place, facts, hasInvalidSigner));
  addHashes(process.hash, related);
  const owner = userOf(unfit, facts, related)?.name;
  if (owner !== undefined && !isEmpty(process)) process.user = { name: owner };
  return process;
}

/** The vendor numbers nodes for each endpoint; beside another endpoint's the number alone would say nothing. */
function entityId(document: Fields, node: unknown): string | undefined {
  const id = text(node);
  const host = (document.host as { id?: string } | undefined)?.id;
  return id === undefined ? undefined : host === undefined ? id : `${host}/${id}`;
}

function touchedFile({ unfit, related }: Draft, { objectName, facts, hasInvalidSigner }: Node): Fields {
  const { name, directory, path } = fileOf(unfit, FILE, facts, objectName);
  const file: Fields = {};
  put(file, 'name', name);
  put(file, 'directory', directory);
  put(file, 'path', path);
  if (name !== undefined) put(file, 'extension', extensionOf(name));
  put(file, 'hash', hashesOf(unfit, FILE, facts));
  put(file, 'code_signature', signatureOf(unfit, FILE, facts, hasInvalidSigner));
  if (!isEmpty(file)) file.type = 'file';
  addHashes(file.hash, related);
  return file;
}

function addHashes(hashes: unknown, related: Related): void {
  for (const hash of Object.values((hashes as Fields | undefined) ?? {})) related.hash.push(hash as string);
}

function userOf(unfit: Unfit, facts: Facts, related: Related): Fields | undefined {
  const user: Fields = {};
  const { name, domain } = accountOf(keyword(unfit, 'user.name', facts.user) ?? '');
  const own = keyword(unfit, 'user.domain', facts.domain);
  put(user, 'name', name);
  put(user, 'domain', own ?? domain);
  if (own !== undefined && domain?.toLowerCase() !== own.toLowerCase()) misfit(unfit, 'user.domain', domain);
  if (user.name !== undefined) related.user.push(user.name as string);
  return filled(user);
}

function titleOf(kind: Kind, document: Fields, said: Node, parent: Node): string {
  const place = document[kind ?? 'process'] as { name?: string } | undefined;
  const what = text(said.objectName) ?? (kind === undefined ? undefined : place?.name) ?? 'without a name';
  const above = text(parent.objectName);
  const word = kind === undefined ? 'Object' : kind === 'process' ? 'Process' : 'File';
  return title(`${word} ${what}${above === undefined ? '' : `, below ${above}`}`);
}
