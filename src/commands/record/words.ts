/** What a recording keeps as it is: words that belong to the vendor and to operating systems, and to nobody in particular. */

/** Members whose values come from a short list of the vendor, in lower case without underscores. */
const VENDORS_WORDS = new Set([
  ...['severity', 'status', 'state', 'type', 'category', 'kind', 'product', 'plugin', 'classification'],
  ...[
    'subclassification',
    'objecttype',
    'updatetype',
    'dlcmstatus',
    'osversion',
    'oskernelversion',
    'os',
    'ostype',
    'matchvaluetype',
    'filestatus',
    'machineos',
  ],
  ...['operatingsystems', 'operatingsystem', 'schemaversion', 'version', 'agentversion', 'rulesourcegrouping'],
  ...['result', 'avindustry', 'action', 'verdict', 'priority', 'platform', 'artifact', 'facet', 'matchtype', 'code'],
  ...['statuscode', 'eventtype', 'eventname', 'signaturestatus', 'filetype', 'scope', 'sort', 'order', 'archived'],
  ...['detectiontype', 'detectedon', 'url', 'message', 'timezone', 'backgrounddetection', 'lockdownstatus', 'subtype'],
]);

/** A word of the vendor is short, begins with a letter, and has little in it that could name anybody. */
const WORD = /^[A-Za-z][A-Za-z0-9 _./()-]{0,60}$/;
const ADDRESS = /\d{1,3}(?:\.\d{1,3}){3}|[@\\]/;

/** Parts of the paths of vendors beside those that streams name. */
export const PATH_WORDS = ['WebApp', 'OSCE_iES', 'OsceIes', 'ApiEntry', 'recent'];

/** What an artifact is to a detection. */
const ROLE =
  /^(?:Instigating|Target)(?: ?(?:Process|Image|File|Owner|User|Registry|Key|Network|Connection|Event|Object|Value|Module|Thread|Dns|Request))+$/i;

/** Members of these have names of the customer's own making instead of the vendor's. */
export const DATA_KEYED = new Set(['artifactsofinterest']);

export function folded(member: string): string {
  return member.replaceAll(/[_\s-]/g, '').toLowerCase();
}

export function isVendorsWord(member: string, value: string): boolean {
  const name = folded(member);
  if (name === 'url') return /^V1\/[A-Za-z/]+$/.test(value); // the calls of Apex Central
  if (ROLE.test(value)) return true;
  return VENDORS_WORDS.has(name) && WORD.test(value) && !ADDRESS.test(value);
}

/** Parts of texts that say something to whoever reads them, and nothing of whose they are. */
export const PUBLIC_PARTS = new Set([
  ...['windows', 'system32', 'syswow64', 'program', 'files', 'programdata', 'x86', 'users', 'appdata', 'local'],
  ...['roaming', 'temp', 'exe', 'dll', 'ps1', 'com', 'sys', 'bat', 'cmd', 'powershell', 'svchost', 'explorer', 'http'],
  ...['https', 'www', 'usr', 'bin', 'var', 'etc', 'opt', 'tmp', 'lib', 'hklm', 'hkcu', 'software', 'microsoft', 'true'],
  ...['false', 'null', 'nt', 'authority', 'system', 'hkey', 'machine', 'current', 'user', 'classes', 'root', 'config'],
  ...['dc', 'cn', 'ou', 'hku', 'hkcr', 'hkcc', 'registry'],
]);

const ISO = /^\s*\d{4}-\d{2}-\d{2}(?:[T ][\d:.,]{5,20} ?(?:Z|UTC|[+-]\d{2}:?\d{2})?)?\s*$/;
const OTHER_TIMES = [
  /^\/Date\(-?\d+(?:[+-]\d{4})?\)\/$/,
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} [\d:]{8}(?: GMT)?$/,
  /^\d{1,2}\/\d{1,2}\/\d{4}(?: [\d:.]{4,15}(?: ?[AP]M)?)?$/,
  /^1\d{9}(?:\d{3})?$/,
];

/** Times stay: what is read depends on them. */
export function isTime(text: string): boolean {
  return ISO.test(text) || OTHER_TIMES.some((form) => form.test(text));
}
