/**
 * Files with one JSON document per line. Exactly once: the length of the file is committed together with the cursor, and
 * bytes beyond it are cut off after a crash.
 *
 * Every walk writes its own chain of segments, `<path>/<source>/<stream>/<walk>-000001.ndjson`. The segment that is being
 * written ends in `.part`.
 */
import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Json } from '../../api/document.ts';
import { actionOf, messageOf, SluiceError } from '../../api/errors.ts';
import type { Batch, Sink } from '../../api/sink.ts';
import { paged } from '../stored.ts';
import { checkFiles, openToOthers } from './check.ts';
import { diskError } from './errors.ts';
import { claimFolder, type FolderClaim } from './folder.ts';
import { type Owner, toReceipts } from './owner.ts';
import { finishParts } from './recover.ts';
import { collectedFrom, storedIn } from './stored.ts';
import { append, type Chain, finish, inTurn, type NdjsonSettings, newChain, receiptOf, rotateIfDue } from './write.ts';

interface Tools {
  log: Logger;
  now: () => number;
  /** The state that the files belong to; left out by `check`. */
  owner?: Owner;
}

export function openNdjson(settings: NdjsonSettings, tools: Tools): Sink {
  const chains = new Map<string, Chain>();
  /** The folders that were taken, each with whose segments it held until `recover` has dealt with them. */
  const claims = new Map<string, { claim: FolderClaim; was: FolderClaim['was'] }>();
  /** The last segment of each walk that the state knows of: numbers are never used again. */
  const committedSegments = new Map<string, number>();
  const looking = setInterval(
    () => {
      rotateIdle(chains, settings, tools);
      for (const { claim } of claims.values())
        claim.requireSame().catch((error: unknown) => tools.log.warn(messageOf(error)));
    },
    Math.min(settings.rotateMs, IDLE_LOOK_MS),
  );
  looking.unref();
  let hasTold = false;

  /** The folder of a pipeline's stream, which is this process's from then on. */
  const claimed = async (pipeline: string, committed: ReadonlyMap<string, Json>, make: boolean) => {
    const path = folderOf(settings, pipeline);
    const known = claims.get(path);
    if (known !== undefined) {
      await (make || known.was !== 'ours' ? known.claim.requireSame() : known.claim.require(committed));
      return known;
    }
    if (tools.owner === undefined) throw new Error('files are written for a state');
    const claim = claimFolder(settings, path, committed, { owner: tools.owner, make });
    if (claim === undefined) return undefined;
    const taken = { claim, was: claim.was };
    claims.set(path, taken);
    const open = hasTold ? [] : openToOthers(settings, [path]);
    for (const text of open) tools.log.warn(text);
    hasTold ||= open.length > 0;
    return taken;
  };
  const begun = async (batch: Batch): Promise<Chain> => {
    const taken = (await claimed(batch.pipeline, new Map(), true)) as { claim: FolderClaim; was: FolderClaim['was'] };
    const { claim } = taken;
    await claim.note([]);
    taken.was = 'ours'; // there were no parts, or `recover` would have met them
    const committed = committedSegments.get(chainName(batch)) ?? 0;
    return newChain(claim, batch, { settings, now: tools.now, committed });
  };
  return {
    kind: 'ndjson',
    looksUp: false,
    async write(batch, signal) {
      signal.throwIfAborted();
      if (batch.documents.length === 0) return { rejections: [], receipt: receiptOf(chains.get(chainName(batch))) };
      const chain = await orExplain(settings, async () => {
        const found = chains.get(chainName(batch)) ?? (await begun(batch));
        chains.set(chainName(batch), found);
        await inTurn(found, async () => {
          await rotateIfDue(found, settings, tools.now);
          await append(found, settings, batch, tools.now);
        });
        return found;
      });
      return { rejections: [], receipt: receiptOf(chain) };
    },
    async recover(pipeline, _prepared, committed) {
      for (const [name, chain] of chains) {
        if (chain.claim.path !== folderOf(settings, pipeline)) continue;
        await inTurn(chain, async () => {});
        chains.delete(name);
      }
      await orExplain(settings, async () => {
        const taken = await claimed(pipeline, committed, false);
        if (taken === undefined) return;
        const { claim, was } = taken;
        const receipts = was === 'of another' ? new Map() : toReceipts(committed);
        const finished = await finishParts(claim.path, receipts, { asTheyAre: was !== 'ours', log: tools.log });
        await claim.note(finished);
        taken.was = 'ours';
      });
      for (const [walk, { segment }] of toReceipts(committed))
        committedSegments.set(chainName({ pipeline, walk }), segment);
      return { arrived: new Set() };
    },
    outcomeUnknown(pipeline, walk) {
      const chain = chains.get(chainName({ pipeline, walk }));
      if (chain !== undefined) chain.outcomeUnknown = true;
    },
    stored: (query, signal) => paged(storedIn(join(settings.path, query.namespace, query.stream), query, signal)),
    removed: async ({ namespace, stream }) => collectedFrom(join(settings.path, namespace, stream)),
    check: (signal) => checkFiles(settings, tools.owner, signal),
    async close() {
      clearInterval(looking);
      // A segment whose end was not committed stays `.part`, for the next start to cut.
      const outcomes = await Promise.allSettled(
        [...chains.values()].map((chain) =>
          inTurn(chain, async () => (chain.outcomeUnknown ? undefined : finish(chain, settings))),
        ),
      );
      const places = await Promise.allSettled([...claims.values()].map(({ claim }) => claim.requireSame()));
      for (const { claim } of claims.values()) claim.close();
      chains.clear();
      claims.clear();
      const failed = [...outcomes, ...places].find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw diskError(settings.path, failed.reason);
    },
  };
}

const IDLE_LOOK_MS = 60_000;

/**
 * Finishes segments in time that nothing more is written to. One that was written to since the last look waits for the next:
 * by then its batch was committed, or its outcome is called unknown.
 */
function rotateIdle(chains: Map<string, Chain>, settings: NdjsonSettings, tools: Tools): void {
  for (const chain of chains.values()) {
    const wasFresh = chain.isFresh;
    chain.isFresh = false;
    void inTurn(chain, async () => {
      const isSettled = !wasFresh && !chain.isFresh && !chain.outcomeUnknown;
      if (isSettled && chains.get(chainName(chain)) === chain) await rotateIfDue(chain, settings, tools.now);
    }).catch((error: unknown) => {
      // The next batch tries the disk again. Where only a person can help, it fails in the same way, and says so.
      if (!(error instanceof SluiceError && actionOf(error) === 'stop')) chains.delete(chainName(chain));
      tools.log.warn(`a segment could not be finished: ${messageOf(error)}`);
    });
  }
}

function chainName(batch: Pick<Batch, 'pipeline' | 'walk'>): string {
  return `${batch.pipeline}/${batch.walk}`;
}

/** `source/stream/sink` → `<path>/source/stream` */
function folderOf(settings: NdjsonSettings, pipeline: string): string {
  const [source = '', stream = ''] = pipeline.split('/');
  return join(settings.path, source, stream);
}

async function orExplain<T>({ path }: NdjsonSettings, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}
