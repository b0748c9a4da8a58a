/** Where a tenant lives: the address of its API, and what tells that it is the wrong one. */
import type { CheckLine, SourceSettings } from '../../../src/index.ts';
import type { CylanceSettings } from './config.ts';

type Place = Pick<CylanceSettings, 'region' | 'baseUrl'>;

/** The URL of a region: NA has no suffix, US Government a sub-domain of its own, all others a region code (CylanceOPTICS API guide, "Service Endpoint"). */
export function baseUrlOf(settings: Place): string {
  if (settings.baseUrl !== undefined) return settings.baseUrl.replace(/\/+$/, '');
  if (settings.region === undefined || settings.region === 'na') return 'https://protectapi.cylance.com';
  if (settings.region === 'us') return 'https://protectapi.us.cylance.com';
  return `https://protectapi-${settings.region}.cylance.com`;
}

/** The region in the name of one of the vendor's hosts: its consoles are called as its APIs are. Undefined for any other. */
function regionOf(url: string | undefined): string | undefined {
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : '';
  const found = /^(?:protect|protectapi)(?:-([a-z0-9]+)|\.(us))?\.cylance\.com$/.exec(host);
  return found === null ? undefined : (found[1] ?? found[2] ?? 'na');
}

/** A console of one region, and an API of another, are never the same tenant. */
export function regionOfConsole(settings: SourceSettings & Place): CheckLine[] {
  const url = baseUrlOf(settings);
  const [console, api] = [regionOf(settings.consoleUrl), regionOf(url)];
  if (console === undefined || api === undefined) return [];
  if (console === api) return [{ what: 'region', ok: true, detail: `${api}, as the console's` }];
  const set = settings.baseUrl === undefined ? `Set region: ${console}` : `Set region: ${console} in place of base_url`;
  return [
    {
      what: 'region',
      ok: false,
      detail: `the console at ${settings.consoleUrl} is of the region ${console}, the API at ${url} of ${api}`,
      advice: `${set} in the source, or correct console_url.`,
    },
  ];
}

/** What to say of the place when credentials are refused: a tenant of another region is unknown there. */
export function regionHint(settings: Place): string {
  const region = settings.baseUrl === undefined ? (settings.region ?? 'na') : regionOf(settings.baseUrl);
  const where = new URL(baseUrlOf(settings)).host;
  const asked = region === undefined ? `base_url is ${where}` : `region is ${region} (${where})`;
  return `and that the region is right: ${asked}; the address of the console tells the tenant's (protect-euc1.cylance.com is euc1, protect.cylance.com na).`;
}
