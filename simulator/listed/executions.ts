import type { Json } from '../artifacts.ts';
import { hex128, uuid } from '../ids.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource } from './resource.ts';

/** Executions of packages: who requested them, on which devices and zones, and how many of those have answered. */

const NAMES = [
  ...['Collect browser history', ' Collect logs ', 'Сбор журналов', '証拠の収集', 'Büro: alle Rechner', 'جمع السجلات'],
  ...['x', '', 'Run, then "tidy up"', 'Kill & collect \\ all', '🔎 triage'],
];

const LOGINS = ['ana@corp.example', ' bo.li@corp.example ', 'ИВАН@corp.example', 'CORP\\svc-soar', 'Ana@Corp.Example'];

function creator({ draws }: ItemState): Json | null {
  const fixed = draws('creator');
  if (fixed.chance(0.05)) return null;
  const who = fixed.below(LOGINS.length);
  return {
    id: hex128(draws(`creator ${who}`).next).toUpperCase(),
    login: fixed.chance(0.05) ? null : (LOGINS[who] as string),
  };
}

function target({ facts, draws }: ItemState): Json {
  const fixed = draws('target');
  const devices = Array.from({ length: fixed.below(6) }, () => fixed.pick(facts.devices));
  const ids = devices.map(({ opticsId }) => (fixed.chance(0.1) ? uuid(fixed.next) : opticsId));
  const zones = devices.length > 0 && fixed.chance(0.6) ? [] : fixed.pick(facts.devices).zones;
  return { devices: ids, zones: zones.length === 0 && fixed.chance(0.3) ? null : zones };
}

/** Packages of an execution: their addresses give access without credentials, and their arguments may be passwords. */
function packages({ draws, secrets }: ItemState): Json[] {
  const fixed = draws('packages');
  return Array.from({ length: 1 + fixed.below(3) }, (_, nth) => {
    const own = secrets(`package ${nth}`);
    const file = `packages.example.test/${uuid(fixed.next)}.zip?signature=${own.word('none')}`;
    return {
      package: own.url(file),
      arguments: fixed.pick([[], ['--all'], ['--key', own.word('none'), own.word('none')], [own.commandLine('run')]]),
    };
  });
}

/**
 * The progress of an execution: each state has more answers than the one before. In some executions all online devices have
 * answered at the beginning, and further answers come from devices that were offline.
 */
function progress({ facts, step, draws }: ItemState): Json {
  const fixed = draws('progress');
  const online = fixed.chance(0.1) ? 0 : 1 + fixed.below(200);
  const early = fixed.pick([0, Math.floor(online / 2), online]);
  const failed = fixed.chance(0.4) ? Math.floor(early / 3) : 0;
  const acked = Math.max(0, fixed.pick([0, online - early]) - step);
  const asText = facts.oddForms && fixed.chance(0.1);
  const number = (value: number) => (asText ? String(value) : value);
  const isSilent = step === 0 && early === 0 && acked === 0 && fixed.chance(0.3);
  return {
    deviceStatuses: isSilent
      ? fixed.pick([{}, null])
      : { acked: number(acked), succeeded: number(early - failed + 2 * step), failed: number(failed) },
    deviceCount: number(online),
  };
}

export const executions: ListedResource = {
  name: 'executions',
  stream: 'cylance.package_execution',
  usual: 40,
  path: '/packages/v2/executions',
  scope: 'opticspkgdeploy:list',
  detailScope: 'opticspkgdeploy:read',
  states: 4,
  item: (state) => {
    const { facts, id, time, draws, secrets } = state;
    const fixed = draws('item');
    const server = `files.example.test/results/${id}`;
    const web = secrets('destination').url(server);
    return {
      name: fixed.pick(NAMES),
      target: target(state),
      destination: fixed.pick([
        `sftp://drop:${secrets('drop').word('none')}@${server}`,
        web.replace('https', 'ftp'),
        `smb://CORP;svc:${secrets('share').word('none')}@${server}`,
        `ftp://${server}`,
        null,
      ]),
      packageExecutions: packages(state),
      keepResultsLocally: fixed.pick([true, false, facts.oddForms ? 'false' : false]),
      id,
      createdAt: writeTime(time, fixed.next(), false),
      createdBy: creator(state),
      ...progress(state),
    };
  },
};
