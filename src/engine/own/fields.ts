/** Fields of a document by their full name: read, put and taken out where objects lie within objects, and lists on the way. */

export type FieldPath = readonly string[];
type Members = Record<string, unknown>;

export function pathOf(name: string): FieldPath {
  return name.split('.');
}

export function isMembers(value: unknown): value is Members {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Every value that the field has; a list counts as its entries, on the way and at the end. Nothing, and null, are no value. */
export function valuesAt(document: unknown, path: FieldPath, depth = 0): unknown[] {
  if (document === undefined || document === null) return [];
  if (Array.isArray(document)) return document.flatMap((one) => valuesAt(one, path, depth));
  const member = path[depth];
  if (member === undefined) return [document];
  return isMembers(document) && Object.hasOwn(document, member) ? valuesAt(document[member], path, depth + 1) : [];
}

/** Takes the field out of the document, and out of every object of a list on its way; objects that are empty then go, too. */
export function removeAt(document: unknown, path: FieldPath, depth = 0): void {
  if (Array.isArray(document)) {
    for (const one of document) removeAt(one, path, depth);
    return;
  }
  const member = path[depth] as string;
  if (!isMembers(document) || !Object.hasOwn(document, member)) return;
  if (depth === path.length - 1) {
    delete document[member];
    return;
  }
  const inner = document[member];
  removeAt(inner, path, depth + 1);
  if (isMembers(inner) && Object.keys(inner).length === 0) delete document[member];
}

/** The value of the field as it is; undefined where a list or another value stands on its way. */
export function valueAt(document: unknown, path: FieldPath): unknown {
  let value = document;
  for (const member of path) {
    if (!isMembers(value) || !Object.hasOwn(value, member)) return undefined;
    value = value[member];
  }
  return value;
}

/** Whether the field could be put: not where something that is no object stands on its way. */
export function putAt(document: Members, path: FieldPath, value: unknown): boolean {
  let at = document;
  for (const member of path.slice(0, -1)) {
    const inner = Object.hasOwn(at, member) ? at[member] : undefined;
    if (inner !== undefined && inner !== null && !isMembers(inner)) return false;
    at = isMembers(inner) ? inner : newMember(at, member);
  }
  at[path.at(-1) as string] = value;
  return true;
}

function newMember(at: Members, member: string): Members {
  const inner: Members = {};
  at[member] = inner;
  return inner;
}
