import { drawsFor } from './hash.ts';
import { uuid } from './ids.ts';

/** The scenario of a rule's detections, which decides their artifacts. */
export type Scenario = 'process' | 'file' | 'registry' | 'network' | 'injection' | 'logon';

export interface RuleFacts {
  id: string;
  name: string;
  description: string;
  category: string;
  severity: number;
  version: number;
  scenario: Scenario;
  nameJson: string;
}

type Line = [scenario: Scenario, severity: number, category: string, name: string];

// Severity 0 to 3. Names have commas, colons, quotes and brackets on purpose: filters must compare them whole.
const LINES: Line[] = [
  ['process', 2, 'Execution', 'Script Host Started By Office Application'],
  ['process', 3, 'Execution', 'Encoded Command: PowerShell, Hidden Window'],
  ['process', 1, 'Discovery', 'Account Enumeration With net.exe'],
  ['process', 2, 'Execution', 'Unusual Extension For A Process (Allowed: exe, tmp, dll, bin)'],
  ['file', 3, 'Impact', 'Shadow Copies Removed, Backup Catalog Removed'],
  ['network', 2, 'Command and Control', 'Beacon: Regular Interval To Rare Host'],
  ['registry', 2, 'Persistence', 'Run Key Added, Image In Temp Folder'],
  ['process', 1, 'Discovery', 'whoami: Called From Service Context'],
  ['injection', 3, 'Defense Evasion', 'Remote Thread Created In lsass.exe'],
  ['file', 1, 'Collection', 'Archive Written, Many Source Folders'],
  ['network', 1, 'Command and Control', 'DNS Query For Newly Registered Name'],
  ['process', 3, 'Credential Access', 'Memory Dump Of A Security Process'],
  ['registry', 1, 'Defense Evasion', 'Event Log Size Reduced'],
  ['process', 2, 'Lateral Movement', 'Remote Service Created: psexec Pattern'],
  ['file', 2, 'Initial Access', 'Executable Written By Mail Client'],
  ['network', 3, 'Exfiltration', 'Large Upload: Cloud Storage, Off Hours'],
  ['process', 0, 'Inventory', 'Software Installed'],
  ['process', 1, 'Execution', 'certutil Used As Downloader'],
  ['file', 2, 'Defense Evasion', 'System Tool Copied And Renamed'],
  ['registry', 3, 'Defense Evasion', 'Tamper Protection Switched Off'],
  ['process', 2, 'Execution', 'wscript.exe: Script From Download Folder'],
  ['injection', 2, 'Privilege Escalation', 'Thread Hijack: Token Stolen'],
  ['logon', 1, 'Credential Access', 'Many Failed Logons, One Account'],
  ['network', 1, 'Discovery', 'Port Scan: Internal Range'],
  ['process', 0, 'Inventory', 'Administrative Share Mounted'],
  ['file', 0, 'Inventory', 'Removable Media: File Copied'],
  ['process', 1, 'Execution', 'mshta Called With URL Argument'],
  ['registry', 2, 'Persistence', 'Service Image Path Changed'],
  ['process', 3, 'Impact', 'Boot Recovery Disabled: bcdedit'],
  ['network', 2, 'Lateral Movement', 'RDP Tunnel Over SSH'],
  ['file', 3, 'Impact', 'Ransom Note Pattern, Many Folders'],
  ['process', 2, 'Defense Evasion', 'rundll32: Ordinal Only, No Arguments'],
  ['process', 1, 'Execution', 'Interpreter "python" Started By Browser'],
  ['logon', 2, 'Initial Access', 'Logon From Unusual Country'],
  ['registry', 1, 'Collection', 'Clipboard History Enabled'],
  ['file', 1, 'Execution', 'Macro Document: Written, Then Opened'],
  ['process', 2, 'Persistence', 'Scheduled Task Created, SYSTEM Context'],
  ['network', 0, 'Inventory', 'Proxy Settings Used: Direct'],
  ['injection', 3, 'Defense Evasion', 'Process Hollowing: svchost.exe'],
  ['process', 1, 'Discovery', 'Domänenvertrauen abgefragt: nltest, Überblick'],
];

export const RULE_COUNT = LINES.length;

export function makeRules(seed: number): RuleFacts[] {
  return LINES.map(([scenario, severity, category, name], index) => {
    const draws = drawsFor(seed, index, 101);
    const description = `Raised when the ${scenario} behaviour "${name}" was seen on an endpoint.`;
    const version = 1 + draws.below(9);
    const id = uuid(draws.next);
    return { id, name, description, category, severity, version, scenario, nameJson: JSON.stringify(name) };
  });
}
