/** Known vulnerabilities of what is shipped, as `npm audit --json` tells them. */
import { z } from 'zod';
import type { AcceptedAdvisory } from './accepted.ts';

const Advisory = z.object({ name: z.string(), title: z.string(), url: z.string(), severity: z.string() });
const Report = z.object({
  auditReportVersion: z.literal(2),
  // What a package has by its dependencies is told as their names; the advisories themselves stand at those.
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), Advisory])) })),
});

const GRAVE = new Set(['high', 'critical']);

/**
 * Grave vulnerabilities that are not accepted, or no longer, and entries that accept nothing; undefined where the output is no report, since the registry
 * did not answer. A report of another form throws.
 * @param today as `2026-01-31`
 */
export function vulnerabilityFaults(
  output: string,
  accepted: readonly AcceptedAdvisory[],
  today: string,
): string[] | undefined {
  const told = parsed(output);
  if (!z.object({ auditReportVersion: z.unknown() }).safeParse(told).success) return undefined;
  const advisories = Object.values(Report.parse(told).vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((one) => typeof one !== 'string')
    .filter(({ severity }) => GRAVE.has(severity));
  const faults = advisories.flatMap((advisory) => {
    const entry = accepted.find((one) => covers(one, advisory));
    if (entry !== undefined && entry.until >= today) return [];
    const expired = entry === undefined ? '' : `; it was accepted until ${entry.until}`;
    const { name, title, url, severity } = advisory;
    return [`${name} has a ${severity} vulnerability: ${title} (${url})${expired}`];
  });
  const unused = accepted
    .filter((entry) => !advisories.some((one) => covers(entry, one)))
    .map((entry) => `${entry.advisory} of ${entry.package} is not reported as grave any more: it needs no entry`);
  return [...new Set(faults), ...unused];
}

function covers(entry: AcceptedAdvisory, { name, url }: z.infer<typeof Advisory>): boolean {
  return entry.package === name && url.endsWith(`/${entry.advisory}`);
}

function parsed(output: string): unknown {
  try {
    return JSON.parse(output);
  } catch {
    return undefined;
  }
}
