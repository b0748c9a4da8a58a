/** One reply that no process should hold whole. */
import { startSimulator } from '../../simulator/index.ts';
import { type Chapter, inTurns, type Order } from '../bench.ts';
import { compared, memoryOf, rateOf } from '../report/results.ts';
import { TENANT } from '../task.ts';

const RESULTS = 300_000;

export const giant: Chapter = {
  name: 'giant',
  async measure(bench) {
    const giantResults = bench.count(RESULTS);
    const simulator = await startSimulator({ seed: 7, detections: 0, oddForms: true, ...TENANT, giantResults });
    const range = { fromMs: Date.parse(simulator.range.start), toMs: Date.parse(simulator.range.end) + 1 };
    const title = `One reply of ${Math.round(giantResults / 1000)} MB`;
    const turn = (id: string, name: string, order: Order) => ({
      id,
      name,
      run: (round: number) => bench.measure({ ...order, url: simulator.url, ...range }, `giant${id}${round}`),
    });
    const measured = await inTurns(title, Math.min(3, bench.rounds), [
      turn('parts', 'read part by part (stream-json)', { mode: 'parts' }),
      turn('whole', 'read and parsed whole (JSON.parse)', { mode: 'whole' }),
      turn('sluice', 'Sluice to a file', { mode: 'sluice', stream: 'cylance.instaquery_result' }),
    ]);
    await simulator.close();
    const { variants } = measured;
    return [
      {
        ...{ id: 'giant', title, about: ABOUT, ...measured, picture: 'throughput' as const },
        figures: [
          {
            ...{
              says: 'records a second: part by part to whole',
              values: compared(variants, ['parts', 'whole'], rateOf),
            },
            ...{ digits: 2, better: 'more' as const, lasting: true },
          },
          {
            ...{ says: 'peak memory: Sluice to whole', values: compared(variants, ['sluice', 'whole'], memoryOf) },
            ...{ digits: 2, better: 'less' as const, lasting: true },
          },
        ],
      },
    ];
  },
};

const ABOUT =
  'Results of 1 KiB in one array, served by the simulator. The first two only download and parse; of every result Sluice makes a document of about 2.5 KB.';
