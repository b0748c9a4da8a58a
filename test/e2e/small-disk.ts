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
    mount('-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', folder);
  } catch {
    return undefined;
  }
  return {
    env: {},
    grow: () => void mount('-o', 'remount,size=64m', folder),
    remove: () => void execFileSync('umount', ['-l', folder]),
  };
}

/** The same error from the same call, where nobody may mount: files below the folder take so many bytes in all. */
const SHIM = `
import { open } from 'node:fs/promises';
const handle = await open(process.execPath);
const prototype = Object.getPrototypeOf(handle);
await handle.close();
const { write } = prototype;
let left = Number(process.env.SMALL_DISK_BYTES);
prototype.write = async function (bytes, ...rest) {
  left -= bytes.length;
  if (left >= 0) return write.call(this, bytes, ...rest);
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
};
`;

export function pretendSmallDisk(scratch: string, kib: number): SmallDisk {
  const file = join(scratch, 'small-disk.mjs');
  writeFileSync(file, SHIM);
  const env: Record<string, string> = { NODE_OPTIONS: `--import ${file}`, SMALL_DISK_BYTES: String(kib * 1024) };
  return {
    env,
    grow() {
      for (const name of Object.keys(env)) delete env[name];
    },
    remove() {},
  };
}
