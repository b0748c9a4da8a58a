/** `sluice check` for the newest revisions: whether `setup` made their aliases. */
import { z } from 'zod';
import type { CheckLine } from '../../../api/sink.ts';
import { saidBy } from '../answers.ts';
import { inPortions } from '../bulk.ts';
import type { EsClient } from '../client.ts';

/** What a sink with `latest: true` needs on latest-* beside what it needs on logs-*. */
export const LATEST_PRIVILEGES = ['index', 'read'] as const;

const ALIASES = z.object({
  aliases: z.array(z.object({ name: z.string() })).default([]),
  indices: z.array(z.object({ name: z.string() })).default([]),
});

export async function checkLatest(
  client: EsClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<CheckLine[]> {
  const what = 'Newest revisions';
  const advice =
    'Run `sluice setup elasticsearch` once: it makes them, and fills them with what the data streams hold.';
  const missing: string[] = [];
  for (const portion of inPortions(names)) {
    const path = `/_resolve/index/${portion.map((name) => `${name}*`).join(',')}`;
    const reply = await client.call({ method: 'GET', path, shape: ALIASES, signal });
    if (reply.kind === 'silence' || reply.status !== 200) {
      const ok = reply.kind === 'answer' && reply.status === 403;
      return [{ what, ok, detail: `cannot be seen (${saidBy(reply)})`, advice }];
    }
    const found = new Set(reply.body.aliases.map(({ name }) => name));
    for (const { name } of reply.body.indices.filter((index) => portion.includes(index.name))) {
      const byTransform = `${name} is an index, which a transform may have made: remove both (DELETE /_transform/sluice-${name}?force=true, DELETE /${name}), then run \`sluice setup elasticsearch\`.`;
      return [{ what, ok: false, detail: `${name} is no alias`, advice: byTransform }];
    }
    missing.push(...portion.filter((name) => !found.has(name)));
  }
  if (missing.length === 0) return [{ what, ok: true, detail: `${names.length} indices under their aliases` }];
  return [{ what, ok: false, detail: `not there: ${missing.join(', ')}`, advice }];
}
