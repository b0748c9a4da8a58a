/** Real Elasticsearch on the same cores: what Sluice costs beyond posting the same documents. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningElasticsearch, startElasticsearch } from '../../test/services/elasticsearch.ts';
import { type Bench, type Chapter, inTurns, type Order } from '../bench.ts';
import { compared, cpuOf, type Figure, rateOf, type Section } from '../report/results.ts';
import { startVendor } from '../vendor/pages.ts';
import { grow } from './growth.ts';
import { installTemplates } from './install.ts';

const VERSION = '9.5.3';
const NEEDS = 'JDK 21+ and Maven';
const RECORDS = 50_000;

export const elasticsearch: Chapter = {
  name: 'elasticsearch',
  needs: NEEDS,
  measure: (bench) =>
    withCluster(async ({ url }) => [await beside(bench, url, 'short'), await beside(bench, url, 'full')]),
};

export const pinned: Chapter = {
  name: 'elasticsearch-pinned',
  needs: `${NEEDS}, taskset, two cores`,
  async measure(bench) {
    if (availableParallelism() < 2) throw new Error('two cores are needed to give Sluice and the cluster one each');
    // Children begin with the cores of who starts them: first the cluster, then everything else.
    await pin(process.pid, 1);
    try {
      return await withCluster(async ({ url }) => {
        await pin(process.pid, 0);
        return [await allowed(bench, url, 'short'), await allowed(bench, url, 'full')];
      });
    } finally {
      await pin(process.pid, `0-${availableParallelism() - 1}`);
    }
  },
};

export const million: Chapter = {
  name: 'elasticsearch-million',
  needs: NEEDS,
  measure: (bench) =>
    withCluster(async ({ url }) => {
      const arrived = (source: string, records: number) => checkArrived(url, source, records);
      const title = 'From 10^4 to 10^6 list records, to Elasticsearch';
      return [await grow({ ...bench, rounds: 1 }, { id: 'growth-elasticsearch', title, elasticsearch: url, arrived })];
    }),
};

async function withCluster(work: (node: RunningElasticsearch) => Promise<Section[]>): Promise<Section[]> {
  const node = await startElasticsearch({ version: VERSION });
  try {
    await installTemplates(node.url);
    return await work(node);
  } finally {
    await node.stop();
  }
}

/** All of its threads. */
async function pin(pid: number, cores: number | string): Promise<void> {
  await promisify(execFile)('taskset', ['-acp', String(cores), String(pid)]);
}

type Form = 'short' | 'full';
const NAMES: Record<Form, string> = { short: 'of 390 bytes', full: 'of 1.6 KB with artifacts' };

/** The same records by Sluice and, as documents that it made before, from bodies that were made before the clock starts. */
async function bothWays(bench: Bench, url: string, form: Form, title: string, more: [string, string, Order][] = []) {
  const vendor = await startVendor({ samples: await bench.samples(), form, detections: bench.count(RECORDS) });
  const source = { url: vendor.url, ...vendor.range };
  const prepared = `prepared${title}`.replace(/\W+/g, '_').toLowerCase();
  await bench.measure({ mode: 'sluice', ...source }, prepared, 'keeps');
  const documents = wholeFile(join(bench.scratch, prepared, 'out'));
  for (let warm = 0; warm < (bench.quick ? 1 : 3); warm++)
    await bench.measure({ mode: 'bulk', elasticsearch: url, documents }, `warm${warm}${prepared}`);
  const turns: [string, string, Order][] = [
    ['sluice', 'Sluice', { mode: 'sluice', ...source, elasticsearch: url }],
    ['bulk', 'the same documents, posted from prebuilt bodies', { mode: 'bulk', elasticsearch: url, documents }],
    ...more.map(([id, name, order]): [string, string, Order] => [
      id,
      name,
      { ...order, ...source, elasticsearch: url },
    ]),
  ];
  const measured = await inTurns(
    title,
    bench.rounds,
    turns.map(([id, name, order]) => ({
      id,
      name,
      async run(round: number) {
        const name = `${prepared.slice(8, 40)}${id}${round}`;
        const measured = await bench.measure(order, name);
        await checkArrived(url, name, vendor.detections);
        return measured;
      },
    })),
  );
  await vendor.close();
  return measured;
}

/** Each run writes into a data stream of its own. */
async function checkArrived(url: string, name: string, records: number): Promise<void> {
  const path = `${url}/logs-cylance.detection-${name}`;
  await fetch(`${path}/_refresh`, { method: 'POST' });
  const { count } = (await (await fetch(`${path}/_count`)).json()) as { count?: number };
  if (count !== records) throw new Error(`${name}: the cluster has ${count} of ${records} documents`);
}

async function beside(bench: Bench, url: string, form: Form): Promise<Section> {
  const title = `List records ${NAMES[form]} to Elasticsearch ${VERSION}`;
  const measured = await bothWays(bench, url, form, title, [
    ['gzip', 'Sluice, compression gzip', { mode: 'sluice', gzip: true }],
  ]);
  const { variants } = measured;
  const beyond = (of: string, name: string, goal?: number): Figure => ({
    ...{ says: `CPU per record of ${name} beyond posting`, unit: ' µs', digits: 1, better: 'less', lasting: false },
    ...{ values: compared(variants, [of, 'bulk'], cpuOf, (one, other) => one - other), goal },
  });
  const figures = [beyond('sluice', 'Sluice', form === 'short' ? 40 : undefined), beyond('gzip', 'Sluice with gzip')];
  const ratio: Figure = {
    ...{ says: 'CPU of Sluice to posting', digits: 2, better: 'less', lasting: true },
    values: compared(variants, ['sluice', 'bulk'], cpuOf),
  };
  return {
    id: `elasticsearch-${form}`,
    title,
    about: ABOUT,
    ...measured,
    figures: [...figures, ratio],
    picture: 'cpu',
  };
}

async function allowed(bench: Bench, url: string, form: Form): Promise<Section> {
  const title = `A core for Sluice, a core for Elasticsearch: list records ${NAMES[form]}`;
  const measured = await bothWays(bench, url, form, title);
  const share: Figure = {
    ...{ says: 'throughput of Sluice to what the cluster allows', digits: 2, better: 'more', lasting: true },
    ...{ values: compared(measured.variants, ['sluice', 'bulk'], rateOf), goal: 0.9 },
  };
  return { id: `pinned-${form}`, title, about: PINNED_ABOUT, ...measured, figures: [share], picture: 'throughput' };
}

function wholeFile(folder: string): string {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ndjson'));
  return join(folder, names[0] as string);
}

const ABOUT =
  'One real node on the same cores, warmed up. Neither compresses what it sends, as the [config](config.md) advises for a cluster on the same host; what `compression: gzip`, the default, costs is the third row.';
const PINNED_ABOUT =
  'By `taskset`: the cluster has a core; Sluice shares the other with the vendor that it reads. What the cluster allows is what it takes from prebuilt bodies, two requests at a time, as Sluice sends them.';
