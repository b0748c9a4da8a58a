/** The configuration of an Apex Central source. */
import { type ConnectorConfig, type SourceSettings, values, z } from '../../../src/index.ts';

const { httpUrl, secret, text } = values;

/** Three GUIDs with slashes between them. */
const GUIDS = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}){2}$/i;

const keys = {
  connector: z.literal('apex_central').describe('The vendor: `apex_central` is Trend Micro Apex Central.'),
  base_url: httpUrl().describe('Where Apex Central is, as a URL: `https://apex.example.com`. It has no regions.'),
  console_url: httpUrl()
    .optional()
    .describe("The vendor's console, as a URL, where it is not the `base_url`. No document links there yet."),
  tenant_id: text()
    .optional()
    .describe(
      'What documents name as the tenant (`organization.id`): any text that stays the same. Without it the host of `base_url` is used, since Apex Central knows no tenants.',
    ),
  application_id: text().describe(
    'The id of the application that was added for Sluice: in the console under Administration, Settings, Automation API Access Settings.',
  ),
  api_key: secret(
    `The API key that was shown there: \`\${NAME}\` from the environment, or \`file:/run/secrets/name\`, which is read again for each request, so that a rotated key needs no restart.`,
  ),
  parents: z
    .record(
      text(),
      z.array(
        text().refine(
          (value) => GUIDS.test(value),
          'is not server/agent/summary; write three GUIDs with a slash between them',
        ),
      ),
    )
    .prefault({})
    .describe(
      'Footprints to read besides those of the scan summaries that the console lists, each by three GUIDs, `server/agent/scan summary`: `{ apex_central.footprint: [2EBEC86D-3FEB-4666-9CA6-B80AB1E193E6/654B1B52-C3C9-4405-B133-48E2353DA13B/58127b3e-1bde-4c6e-8d86-0d0f89ded601] }`. Default: none.',
    ),
};

export interface ApexCentralSettings extends SourceSettings {
  baseUrl: string;
  applicationId: string;
  /** The API key. Reads the reference again at each call, so that a rotated key needs no restart. */
  applicationSecret: () => string;
}

export const config: ConnectorConfig<typeof keys, ApexCentralSettings> = {
  keys,
  secret: 'api_key',
  settings: (raw, secretOf) => ({
    baseUrl: raw.base_url,
    consoleUrl: raw.console_url,
    tenantId: raw.tenant_id ?? new URL(raw.base_url).host,
    applicationId: raw.application_id,
    applicationSecret: secretOf(raw.api_key),
  }),
};
