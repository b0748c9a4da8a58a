/** One bit for each serial: what was served. A million detections take 125 kB. */
export interface Bits {
  set(index: number): void;
  clear(index: number): void;
  has(index: number): boolean;
}

export function createBits(size: number): Bits {
  const bytes = new Uint8Array((size >>> 3) + 1);
  return {
    set: (index) => {
      bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) | (1 << (index & 7));
    },
    clear: (index) => {
      bytes[index >>> 3] = (bytes[index >>> 3] ?? 0) & ~(1 << (index & 7));
    },
    has: (index) => ((bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0,
  };
}
