/** A disk that is soon full: a small tmpfs for root, otherwise a process whose writes fail after so many bytes. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SmallDisk {
  /** What the process needs in its environment. */
  env: Record<string, string>;
  /** Makes room. */
  grow(): void;
  remove(): void;
}

export function mountSmallDisk(folder: string, kib: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true });
  const mount = (...argv: string[]) => execFileSync('mount', argv, { stdio: 'pipe' });
  try {
    mount('-t', 'tmpfs', '-o', `size=${kib}k,mode=700`, 'tmpfs', folder);
  } catch {
    return undefined;
  }
  return {
    env: {},
    grow: () => void mount('-o', 'remount,size=64m', folder),
    remove: () => void execFileSync('umount', ['-l', folder]),
  };
}

/** The same error from the same call, where nobody may mount: files take so many bytes in all, until another one is there. */
const SHIM = `
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
const handle = await open(process.execPath);
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { write } = prototype;
let left = Number(process.env.SMALL_DISK_BYTES);
prototype.write = async function (bytes, ...rest) {
  left -= bytes.length;
  if (left >= 0 || existsSync(process.env.SMALL_DISK_GROWN)) return write.call(this, bytes, ...rest);
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
};
`;

export function pretendSmallDisk(scratch: string, kib: number): SmallDisk {
  const file = join(scratch, 'small-disk.mjs');
  writeFileSync(file, SHIM);
  const grown = join(scratch, 'small-disk-has-grown');
  const size = { SMALL_DISK_BYTES: String(kib * 1024), SMALL_DISK_GROWN: grown };
  return {
    env: { NODE_OPTIONS: `--import ${file}`, ...size },
    grow: () => writeFileSync(grown, ''),
    remove() {},
  };
}
