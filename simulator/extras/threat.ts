import { writeTime } from '../times.ts';
import { type Extra, isSameId, whole } from './extra.ts';

/** The page of one threat: its members in the list, and who signed and who found it. */
export const threatPage: Extra = {
  ...{ endpoint: 'threat', path: '/threats/v2/{id}', scope: 'threat:read' },
  answer(site, { argument }) {
    const found = site.presentOf('threats').find(({ item }) => isSameId(item.sha256, argument));
    if (found === undefined) return whole(undefined);
    const { last_found: _listOnly, ...item } = found.item;
    const draws = found.state.draws('page');
    const signed = draws.chance(0.4);
    const publisher = signed ? 'Example Software, Inc.' : '';
    return whole({
      ...item,
      ...{ signed, cert_publisher: publisher, cert_issuer: signed ? 'Example CA' : '' },
      cert_timestamp: signed ? writeTime(found.state.time - draws.below(1e9), 0, true) : '0001-01-01T00:00:00',
      running: draws.chance(0.2),
      auto_run: draws.chance(0.2),
      detected_by: draws.pick(['File Watcher', 'Execution Control', 'Background Threat Detection']),
    });
  },
};
