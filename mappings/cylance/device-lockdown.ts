/**
 * Lockdowns of devices: one entry of the guide's "Get Device Lockdown History", with its device beside it. Somebody's
 * doing in the console that changes what a host may do: an `event` of category `host` and type `change`.
 */
import * as tables from '../../members/cylance/device-lockdown.ts';
import { keyword, put, reader } from '../ecs.ts';
import { title } from '../ecs-document.ts';
import { mappingOf } from '../ecs-frame.ts';
import { machineOf, OPTICS, personOf, whereOf } from './shared/base.ts';

const deviceOf = reader(tables.Device);

/** By their names in any spelling, also with blanks. Any other command is an action by its own name, which stands below the prefix. */
const ACTIONS: ReadonlyMap<string, string> = new Map([
  ['lockdown', 'device-locked'],
  ['clearlockdown', 'device-unlocked'],
  ['lockdownextended', 'device-lockdown-extended'],
  ['extendlockdown', 'device-lockdown-extended'],
]);
const ACTION = 'device-lockdown-command';

export const { mapping, fields } = mappingOf(
  {
    prefix: 'cylance.device_lockdown',
    observer: OPTICS,
    members: tables.members,
    time: 'timestamp',
    event: { kind: 'event', category: ['host'], type: ['change'] },
    tenant: ({ Device }) => deviceOf(Device).tenant_id,
    own: { command: ['keyword', 'command'], device_id: 'keyword', tenant_id: 'keyword' },
    ecs: ['event.action', 'host.id', 'host.name', 'host.hostname', 'user.id', 'related.hosts'],
  },
  (draft, entry) => {
    const { document, event, own, unfit } = draft;
    const device = deviceOf(entry.Device);
    put(document, 'host', machineOf(draft, device.id, device.hostname));
    put(document, 'user', personOf(draft, entry.user_id, undefined));
    put(own, 'tenant_id', keyword(unfit, 'cylance.device_lockdown.tenant_id', device.tenant_id));
    const command = own.command as string | undefined;
    event.action = ACTIONS.get(command?.replace(/[\s_-]/g, '').toLowerCase() ?? '') ?? ACTION;
    return title(`${command ?? 'Lockdown command'} of ${whereOf(draft) ?? 'a device'}`);
  },
);
