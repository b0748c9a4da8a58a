import { deviceIndex, type Facts, type Moment, ruleIndex, SEVERITIES, STATUSES, severityIndex } from '../attributes.ts';
import { mix, SALT } from '../hash.ts';
import { detectionId, phoneticId } from '../ids.ts';
import { isoText, writeTime } from '../times.ts';

/** With odd forms, the first serials are the guide's own sample, with exactly the documented members. */
export const SAMPLE_COUNT = 2;

export function isSample({ oddForms }: Facts, serial: number): boolean {
  return oddForms && serial < SAMPLE_COUNT;
}

export function occurrenceText(facts: Facts, moment: Moment): string {
  if (isSample(facts, moment.serial)) return `${isoText(moment.time)}Z`;
  return writeTime(moment.time, mix(facts.seed, moment.serial, SALT.timeStyle), false);
}

export function receivedText(facts: Facts, moment: Moment): string {
  return writeTime(moment.received, mix(facts.seed, moment.serial, SALT.received), true);
}

/**
 * One item of the list, as JSON. Written by hand because a page has hundreds of items. The documented members are always
 * present in their documented casing, and so are those that public clients read; with odd forms, the order and the
 * undocumented members vary.
 */
export function listItem(facts: Facts, moment: Moment): string {
  const { seed } = facts;
  const { serial } = moment;
  const rule = facts.rules[ruleIndex(facts, serial)]?.nameJson;
  const device = facts.devices[deviceIndex(facts, serial)];
  const name = device?.nameJson;
  const id = `"Id":"${detectionId(seed, serial)}"`;
  const phonetic = `"PhoneticId":"${phoneticId(seed, serial)}"`;
  const severity = `"Severity":"${SEVERITIES[severityIndex(facts, serial)]}"`;
  const description = `"DetectionDescription":${rule}`;
  const occurred = `"OccurrenceTime":"${occurrenceText(facts, moment)}"`;
  const status = `"Status":"${STATUSES[moment.state.status]}"`;
  const plainDevice = `"Device":{"name":${name},"CylanceId":"${device?.opticsId}"}`;
  if (isSample(facts, serial))
    return `{${id},${phonetic},${severity},${description},${occurred},${plainDevice},${status}}`;
  const bothDevice = `"Device":{"name":${name},"Name":${name},"CylanceId":"${device?.opticsId}"}`;
  const received = `"ReceivedTime":"${receivedText(facts, moment)}"`;
  const shape = facts.oddForms ? mix(seed, serial, SALT.listShape) % 100 : 99;
  const tenant = `"${shape === 0 ? 'tenantId' : 'TenantId'}":"${facts.tenantId}"`;
  if (shape < 2)
    return `{${status},${bothDevice},${received},${occurred},${tenant},${severity},${description},${phonetic},${id}}`;
  if (shape < 3)
    return `{${id},"id":"${detectionId(seed, serial)}",${phonetic},${severity},${description},${occurred},${received},${bothDevice},${status},${tenant}}`;
  if (shape < 4)
    return `{${tenant},${received},${id},${status},${bothDevice},${phonetic},${occurred},${description},${severity},"ZoneIds":null}`;
  return `{${id},${phonetic},${severity},${description},${occurred},${received},${tenant},${bothDevice},${status}}`;
}
