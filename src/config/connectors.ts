/**
 * The part of the schema that belongs to one connector: how a tenant is named and opened. One entry per connector; the
 * keys that all sources share are in `schema.ts`.
 */
import { z } from 'zod';
import { httpUrl, secret, text } from '../api/values.ts';

/** The regions of Cylance; the connector turns them into host names. */
export const cylanceRegions = ['na', 'us', 'apne1', 'au', 'euc1', 'sae1'] as const;

export const cylanceKeys = {
  connector: z.literal('cylance').describe('The vendor: `cylance` is Aurora Endpoint Defense (Protect and Focus).'),
  region: z
    .enum(cylanceRegions)
    .prefault('na')
    .describe(
      'Where the tenant lives: `na` North America, `us` US Government, `apne1` Japan, `au` Australia, `euc1` Europe, `sae1` South America. Default: `na`, the one that the vendor gives no suffix.',
    ),
  base_url: httpUrl()
    .optional()
    .describe('The API as a whole URL, instead of the one of the region: a gateway, or the simulator.'),
  console_url: httpUrl()
    .optional()
    .describe("The vendor's console, as a URL; documents link there (`event.url`). Without it they hold no link."),
  tenant_id: text().describe("The tenant's id: in the console under Settings, Integrations."),
  application_id: text().describe('The id of the application that was added there for Sluice.'),
  application_secret: secret(
    `The application's secret: \`\${NAME}\` from the environment, or \`file:/run/secrets/name\`, which is read again after a refusal, so that a rotated secret needs no restart.`,
  ),
};

/** Three GUIDs with slashes between them. */
const GUIDS = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}){2}$/i;

export const apexCentralKeys = {
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
