/**
 * The part of the schema that belongs to one connector: how a tenant is named and opened. One entry per connector; the
 * keys that all sources share are in `config-schema.ts`.
 */
import { z } from 'zod';
import { httpUrl, secret, text } from './config-values.ts';

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
