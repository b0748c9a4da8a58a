/** A disk in trouble, in this process: writes of the files sink fail half-way, as the operating system says it. */
import { open } from 'node:fs/promises';

export const DISK_FAULTS = ['ENOSPC', 'EIO', 'EIO at the flush', 'slow'] as const;
export type DiskFault = (typeof DISK_FAULTS)[number];

interface FilePrototype {
  write(bytes: Buffer, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
}

const SLOW_MS = 300;

/** `fault` is asked at each write of a file; call what is returned to end it. Only file handles are concerned, not SQLite. */
export async function troubleDisk(fault: () => DiskFault | undefined): Promise<() => void> {
  const handle = await open(process.execPath);
  const prototype = Object.getPrototypeOf(handle) as FilePrototype;
  await handle.close();
  const { write, datasync } = prototype;
  const failing = new WeakSet<object>();
  prototype.write = async function (this: FilePrototype, bytes, offset, length, position) {
    const kind = fault();
    if (kind === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
    if (kind === 'EIO at the flush') failing.add(this);
    if (kind === 'ENOSPC' || kind === 'EIO') {
      await write.call(this, bytes, offset, length >> 1, position);
      throw errorOf(kind, 'write');
    }
    return write.call(this, bytes, offset, length, position);
  };
  prototype.datasync = async function (this: FilePrototype) {
    if (failing.delete(this)) throw errorOf('EIO', 'fdatasync');
    return datasync.call(this);
  };
  return () => Object.assign(prototype, { write, datasync });
}

function errorOf(code: 'ENOSPC' | 'EIO', syscall: string): Error {
  const text = { ENOSPC: 'no space left on device', EIO: 'i/o error' }[code];
  return Object.assign(new Error(`${code}: ${text}, ${syscall}`), { code, syscall });
}
