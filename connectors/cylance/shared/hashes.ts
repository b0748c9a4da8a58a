/** Notes of this kind are hashes that detections name: parents of `cylance.threat_device`. */
export const SHA256_NOTE = 'sha256';

/** The most hashes of one record, as many as a document keeps of a list. */
const MOST = 1000;

/** Every SHA-256 in a record, in lower case and once, whatever its member is called: a text of 64 hex digits. */
export function sha256sIn(record: unknown): string[] {
  const found = new Set<string>();
  collect(record, found, 0);
  return [...found];
}

function collect(value: unknown, found: Set<string>, depth: number): void {
  if (typeof value === 'string') {
    if (value.length === 64 && found.size < MOST && /^[0-9a-f]{64}$/i.test(value)) found.add(value.toLowerCase());
  } else if (typeof value === 'object' && value !== null && depth < 20) {
    for (const part of Object.values(value)) collect(part, found, depth + 1);
  }
}
