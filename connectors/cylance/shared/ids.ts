/** Parts of keys that the vendor writes in several forms. */

/**
 * A device's id as CylancePROTECT writes it, and as `host.id` has it: lower case with dashes, whichever product's form is
 * given. Ids of another kind are only brought to lower case.
 */
export function protectId(id: string): string {
  const bare = id.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(bare)) return id.toLowerCase();
  return bare.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** As CylanceOPTICS takes it: upper case without dashes. Another form is answered with 200 and wrong data (guide, "About Device ID"). */
export function opticsId(id: string): string {
  return id.replaceAll('-', '').toUpperCase();
}

/** A path as a part of a key: Windows does not tell cases apart. */
export function foldedPath(path: string): string {
  return /^[a-z]:|\\/i.test(path) ? path.toLowerCase() : path;
}
