import { SluiceError } from './errors.ts';

/** No vendor has longer ids, and gateways refuse longer addresses. */
const LONGEST = 1024;

/**
 * An id as one part of a path. Throws `reject` for an id that cannot stand in a path: `..` would name another resource, and
 * half a surrogate pair cannot be encoded.
 */
function pathSegment(id: string): string {
  if (id === '' || id === '.' || id === '..' || !id.isWellFormed() || id.length > LONGEST) {
    const shown = JSON.stringify(id.slice(0, 40));
    throw new SluiceError(`the id ${shown} cannot stand in an address`, { action: 'reject' });
  }
  return encodeURIComponent(id);
}

/** The path for one id, from a route such as `/foci/v2/{id}/results`. Throws like `pathSegment`. */
export function pathTo(route: string, id: string): string {
  const segment = pathSegment(id);
  return route.replace(/\{\w+\}/, () => segment);
}
