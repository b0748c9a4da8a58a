/** Parts of keys that the vendor writes in several forms. */

/**
 * A device's id in the form of CylancePROTECT and of `host.id`: lower case with dashes. Accepts the form of either product;
 * ids of another kind are only changed to lower case.
 */
export function protectId(id: string): string {
  const bare = id.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(bare)) return id.toLowerCase();
  return bare.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A device's id in the form of CylanceOPTICS: upper case without dashes. Another form is answered with 200 and wrong data (guide, "About Device ID"). */
export function opticsId(id: string): string {
  return id.replaceAll('-', '').toUpperCase();
}

/** A path as a part of a key: Windows does not tell cases apart. */
export function foldedPath(path: string): string {
  return /^[a-z]:|\\/i.test(path) ? path.toLowerCase() : path;
}
