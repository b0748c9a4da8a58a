/** The index template of the newest revisions: the mappings of their data stream, in an ordinary index. */
import type { StreamName } from '../../../api/document.ts';
import { PRIORITY, SETTINGS, TEMPLATE_VERSION } from '../templates.ts';

export function latestTemplate(stream: StreamName, capability: 'full' | 'core') {
  const custom = `latest-${stream}@custom`;
  const body = {
    index_patterns: [`latest-${stream}-*`],
    priority: PRIORITY,
    template: { settings: { index: SETTINGS } },
    composed_of: [`sluice-${stream}@mappings`, custom],
    ignore_missing_component_templates: [custom],
    version: TEMPLATE_VERSION,
    _meta: {
      managed_by: 'sluice',
      version: TEMPLATE_VERSION,
      capability,
      description: `Sluice: the newest revision of each record of ${stream}`,
    },
  };
  return { kind: 'index' as const, name: `latest-${stream}`, body };
}
