/**
 * The most memory that this process had. Not `maxRSS`: it begins with what the process that started this one had then, which is
 * more than some programs ever take.
 */
import { existsSync, readFileSync } from 'node:fs';

export function peakMiB(process: { resourceUsage(): { maxRSS: number } }, pid: number | 'self' = 'self'): number {
  const path = `/proc/${pid}/status`;
  const kilobytes = existsSync(path) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1] : undefined;
  return (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes)) / 1024;
}
