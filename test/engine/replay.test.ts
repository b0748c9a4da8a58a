import { expect, test } from 'vitest';
import type { OutDocument } from '../../src/api/sink.ts';
import { replay } from '../../src/commands/shared/replay.ts';
import { runWalk } from '../../src/engine/walk.ts';
import { memorySink, openPipeline, scratch, simulate, testConfig, wholeRange } from './harness.ts';

const never = new AbortController().signal;
const COUNT = 1000;

test('rejected documents are sent again in batches: those that are taken now are off the list, the others stay on it', async () => {
  const simulator = await simulate({ seed: 7, detections: COUNT });
  const place = scratch();
  const sink = memorySink();
  const taken = new Map<string, string>();
  let refuses = (_document: OutDocument) => true;
  const sizes: number[] = [];
  sink.write = async ({ documents }) => {
    sizes.push(documents.length);
    const refused = documents.filter((document) => refuses(document));
    for (const document of documents.filter((each) => !refused.includes(each))) {
      expect(taken.has(document.id)).toBe(false);
      taken.set(document.id, document.json.toString());
    }
    return {
      rejections: refused.map(({ id }) => ({ id, type: 'document_parsing_exception', reason: 'why', field: 'x' })),
      receipt: null,
    };
  };
  const { pipeline, close } = openPipeline(testConfig(simulator.url, place.path, { reading: { details: false } }), {
    sink,
  });
  try {
    await runWalk(pipeline, wholeRange(simulator), never);
    expect(pipeline.state.counts()).toMatchObject({ records: COUNT, rejections: COUNT });
    const [first] = pipeline.state.rejected(1);

    sizes.length = 0;
    refuses = ({ id }) => id.charCodeAt(5) % 2 === 0;
    const half = await replay(pipeline, never);
    expect(half.accepted + half.rejected).toBe(COUNT);
    expect([half.accepted, half.rejected]).toEqual([taken.size, pipeline.state.counts().rejections]);
    expect(Math.min(half.accepted, half.rejected)).toBeGreaterThan(COUNT / 4);
    expect(sizes.length).toBeGreaterThan(1);

    refuses = () => false;
    expect(await replay(pipeline, never)).toMatchObject({ accepted: half.rejected, rejected: 0 });
    expect([taken.size, pipeline.state.counts().rejections]).toEqual([COUNT, 0]);
    expect(await replay(pipeline, never)).toMatchObject({ accepted: 0, rejected: 0 });
    const { ingested: _, ...event } = JSON.parse(taken.get(first?.id as string) as string).event;
    expect(JSON.parse(first?.document as string).event).toMatchObject(event);
  } finally {
    await close();
    await simulator.close();
    place.remove();
  }
});

/** The moments at which a replay can end: what of its second batch the sink has, and whether the state knows. */
const MOMENTS = ['before the write', 'half-way through the write', 'after the write', 'after the commit'] as const;

test.each(MOMENTS)(
  'a replay that is killed %s neither loses nor doubles a document, nor calls one delivered',
  async (moment) => {
    const simulator = await simulate({ seed: 7, detections: COUNT });
    const place = scratch();
    const config = testConfig(simulator.url, place.path, { reading: { details: false } });
    const taken: string[] = [];
    let isMended = false;
    let writes = 0;
    const killed = new Error('killed');
    /** Takes every other document, as a sink does whose mapping is mended by half. */
    const takes = ({ id }: OutDocument) => isMended && id.charCodeAt(5) % 2 === 0;
    const opened = () => {
      const sink = memorySink();
      sink.write = async ({ documents }) => {
        const isLast = isMended && ++writes === 2;
        if (isLast && moment === 'before the write') throw killed;
        const sent = isLast && moment === 'half-way through the write' ? documents.slice(0, 100) : documents;
        taken.push(...sent.filter(takes).map(({ id }) => id));
        if (isLast && moment === 'half-way through the write') throw killed;
        const refused = documents.filter((document) => !takes(document));
        return { rejections: refused.map(({ id }) => ({ id, type: 'x', reason: 'y' })), receipt: null };
      };
      sink.recover = async (_pipeline, prepared) => {
        const has = new Set(taken);
        return { arrived: new Set(prepared.flatMap(({ ids }) => ids.map(({ id }) => id)).filter((id) => has.has(id))) };
      };
      const place = openPipeline(config, { sink });
      const { state } = place.pipeline;
      const { commit } = state;
      state.commit = (one) => {
        const isLast = isMended && writes === 2;
        if (isLast && moment === 'after the write') throw killed;
        commit.call(state, one);
        if (isLast && moment === 'after the commit') throw killed;
      };
      return place;
    };
    let { pipeline, close } = opened();
    try {
      await runWalk(pipeline, wholeRange(simulator), never);
      const all = pipeline.state.rejected(COUNT).map(({ id }) => id);
      isMended = true;
      await expect(replay(pipeline, never)).rejects.toThrow('killed');
      await close();
      ({ pipeline, close } = opened());
      await replay(pipeline, never);
      expect(new Set(taken).size).toBe(taken.length);
      const left = pipeline.state.rejected(COUNT).map(({ id }) => id);
      expect([...taken, ...left].sort()).toEqual(all.sort());
      expect(left.some((id) => id.charCodeAt(5) % 2 === 0)).toBe(false);
      expect(pipeline.state.prepared('cylance.detection', 'acme')).toEqual([]);
    } finally {
      await close();
      await simulator.close();
      place.remove();
    }
  },
);
