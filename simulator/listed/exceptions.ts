import type { Json } from '../artifacts.ts';
import { hex128 } from '../ids.ts';
import { writeTime } from '../times.ts';
import type { ItemState, ListedResource } from './resource.ts';

/** Detection exceptions: the list has counts and who modified an exception, the detail has its conditions. */

const NAMES = ['Allow: build servers, all', 'My Exception', ' padded ', 'Исключение для бухгалтерии', '例外：更新', ''];
const SYSTEMS = [[{ Name: 'Windows' }], [{ Name: 'Windows' }, { Name: 'MacOS' }], [{ Name: 'MacOS' }], [], null];
const ODD_SYSTEMS = [...SYSTEMS.slice(0, 2), [{ name: 'windows' }], [], null];

/** Every change raises the version: first of the conditions, then of the name. */
function common({ facts, step, id, draws, secrets }: ItemState): Json {
  const fixed = draws('common');
  const name = fixed.pick(NAMES);
  const note = fixed.pick(['', 'approved by the response team', 'Für die Bauserver']);
  return {
    Id: id,
    Name: step < 2 ? name : `${name} (reviewed)`,
    Description: fixed.chance(0.2) ? null : secrets('description').commandLine(note),
    OperatingSystems: fixed.pick(facts.oddForms ? ODD_SYSTEMS : SYSTEMS),
    Version: step + 1,
  };
}

function item(state: ItemState): Json {
  const { facts, index, step, time, draws } = state;
  const own = draws('item');
  const { Description, ...rest } = common(state);
  const user = facts.users[(index + step) % facts.users.length];
  const login = own.chance(0.8) ? `${user?.name ?? 'user'}@example.test` : `${user?.domain}\\${user?.name}`;
  const spelling = own.pick(['Description', 'description']);
  return {
    ...rest,
    [facts.oddForms ? spelling : 'Description']: Description,
    LastModified: writeTime(time + step * 86_400_000, own.next(), false),
    ModifiedBy: own.chance(0.1) ? null : { id: hex128(draws(`user ${step}`).next), login },
    DeviceCount: own.below(200) + step,
    PolicyCount: own.below(5),
    RulesetCount: step + own.below(3),
  };
}

function conditions({ step, draws, secrets }: ItemState): Json[] {
  const fixed = draws('conditions');
  const planted = secrets('conditions');
  const literal = fixed.pick([
    'iexplore.exe',
    planted.commandLine('powershell.exe -nop'),
    `*${planted.url('files.example.test/drop')}*`,
    'C:\\Users\\Büro\\*\\更新.exe',
    hex128(fixed.next) + hex128(fixed.next).toUpperCase(),
    '10.1.2.3',
    '10.1.2.3.4',
  ]);
  return Array.from({ length: 1 + fixed.below(2) }, (_, nth) => ({
    Name: fixed.pick(['UnsignedProc', 'Trusted: updater']),
    Scope: 'Global',
    Function: fixed.pick(['Function', '(a) & !(b)']),
    FieldOperators: {
      Function: {
        Type: fixed.pick(['EqualsAny', 'Contains']),
        Operands: [
          { Source: 'TargetProcess', Data: 'CommandLine' },
          { Source: 'LiteralSet', Data: nth === 0 ? literal : ['setup.exe', literal] },
          ...(step > 0 ? [{ Source: 'LiteralSet', Data: 'added.exe' }] : []),
        ],
        OperandType: 'string',
        Options: { IgnoreCase: fixed.chance(0.5) },
      },
    },
    Actions: [{ Type: 'AOI', ItemName: 'InstigatingProcess', Postiion: 'PostActivation' }],
    ...planted.members(),
  }));
}

function whole(state: ItemState): Json {
  const own = state.draws('whole');
  const odd = state.facts.oddForms;
  const { Version, ...rest } = common(state);
  return {
    ...rest,
    ObjectType: 'ExceptionRule',
    Plugin: odd && !own.chance(0.9) ? 'OpticsDetector' : { Name: 'OpticsDetector' },
    Product: { Name: 'CylanceOPTICS' },
    SchemaVersion: 1,
    States: conditions(state),
    Tags: own.pick([['CylanceOPTICS, Exception'], [], null]),
    Version: odd && !own.chance(0.8) ? String(Version) : Version,
  };
}

export const exceptions: ListedResource = {
  name: 'exceptions',
  stream: 'cylance.exception',
  usual: 40,
  path: '/exceptions/v2',
  scope: 'opticsexception:list',
  detailScope: 'opticsexception:read',
  states: 3,
  item,
  whole,
  // The list may use another casing; that of the detail counts.
  record: (state) => {
    const { description: _listed, ...listed } = item(state);
    return { ...listed, ...whole(state) };
  },
};
