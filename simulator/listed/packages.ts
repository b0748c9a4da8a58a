import type { Json } from '../artifacts.ts';
import type { Facts } from '../attributes.ts';
import type { Draws } from '../hash.ts';
import { uuid } from '../ids.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource } from './resource.ts';

/** Packages of scripts for devices: some are Cylance's own, the others were uploaded by somebody. */

/** The statuses of an upload; after its end, each further state is a new version. */
const UPLOADS = [
  ['started', 'success'],
  ['started', 'failed'],
  ['started', 'timeout', 'success'],
  ['timeout', 'success'],
  ['success'],
  ['success'],
  ['Success'],
  ['failed'],
] as const;
const SCRIPTS = ['collect_mft', 'registry-hives', 'Event Logs', 'сбор_журналов', '証跡収集', ' padded ', 'a, b: c'];
const DESCRIPTIONS = ['Collects artifacts.', '', null, 'Sammelt Protokolle für die Prüfung', 'يجمع السجلات'];

function uploader(facts: Facts, draws: Draws): Json {
  const { name, domain } = draws.pick(facts.users);
  const login = draws.pick([`${name}@corp.example`, `${name}@corp.example`, `${domain}\\${name}`, '', null]);
  return { id: uuid(draws.next), login };
}

function examples({ draws, secrets }: ItemState): Json[] | null {
  const fixed = draws('examples');
  const planted = secrets('examples');
  if (fixed.chance(0.1)) return null;
  return Array.from({ length: fixed.below(4) }, () => ({
    invocationString: planted.commandLine(fixed.pick(['main.py --all', 'run --out C:\\Temp', 'collect -n 5'])),
    description: fixed.pick(['', 'Everything', 'Nur das Nötigste']),
  }));
}

/** A package, the same in the list and in its detail. */
function item(state: ItemState): Json {
  const { facts, step, id, time, draws, secrets } = state;
  const fixed = draws('item');
  const script = fixed.pick(SCRIPTS);
  const upload = fixed.pick(UPLOADS);
  const status = upload[Math.min(step, upload.length - 1)];
  const size = fixed.below(15_000_000);
  const isOwn = fixed.chance(0.8);
  const by = uploader(facts, fixed);
  return {
    packageId: id,
    uploadedOn: writeTime(time, fixed.next(), false),
    uploadedBy: isOwn ? by : null,
    size: status === 'started' ? 0 : facts.oddForms && fixed.chance(0.1) ? String(size) : size,
    status,
    timeout: fixed.pick([0, 300, 3600]),
    downloadUrl: `https://packages.example.test/${id}?step=${step}&key=${secrets('item').word('none')}`,
    packageDescriptor: {
      name: script,
      description: fixed.pick(DESCRIPTIONS),
      examples: examples(state),
      packageInfo: {
        fileType: fixed.pick(['python', 'python', 'Python']),
        fileName: `${script.trim()}.zip`,
        entryPoint: fixed.pick(['main', 'main.py', '']),
      },
      version: fixed.below(4) + Math.max(0, step - (upload.length - 1)),
      packageId: fixed.chance(0.5) ? id : id.toLowerCase(),
    },
    category: isOwn ? fixed.pick(['custom', 'Custom']) : 'cylance',
  };
}

/** A tenant may have 20 packages of its own; five come with the product. */
export const packages: ListedResource = {
  name: 'packages',
  stream: 'cylance.package',
  usual: 25,
  path: '/packages/v2',
  scope: 'opticspkgconfig:list',
  detailScope: 'opticspkgconfig:read',
  states: 3,
  item,
};
