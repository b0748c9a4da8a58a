/** The configuration of a Cylance source. */
import { type ConnectorConfig, type SourceSettings, values, z } from '../../../src/index.ts';

const { httpUrl, secret, text } = values;

/** `baseUrlOf` turns them into host names. */
const REGIONS = ['na', 'us', 'apne1', 'au', 'euc1', 'sae1'] as const;

const keys = {
  connector: z.literal('cylance').describe('The vendor: `cylance` is Aurora Endpoint Defense (Protect and Focus).'),
  region: z
    .enum(REGIONS)
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

export interface CylanceSettings extends SourceSettings {
  region?: string;
  baseUrl?: string;
  applicationId: string;
  /** Reads the reference again at each call, so that a rotated secret needs no restart. */
  applicationSecret: () => string;
}

export const config: ConnectorConfig<typeof keys, CylanceSettings> = {
  keys,
  secret: 'application_secret',
  settings: (raw, secretOf) => ({
    region: raw.region,
    baseUrl: raw.base_url,
    consoleUrl: raw.console_url,
    tenantId: raw.tenant_id,
    applicationId: raw.application_id,
    applicationSecret: secretOf(raw.application_secret),
  }),
};
