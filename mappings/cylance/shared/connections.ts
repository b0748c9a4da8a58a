/** A connection in ECS, as the endpoint sees it. */
import { address, type Fields, filled, integerWithin, ip, keyword, put, type Related, type Unfit } from '../../ecs.ts';
import type { Artifact } from './artifacts.ts';

const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['6', 'tcp'],
  ['17', 'udp'],
  ['1', 'icmp'],
]);

/** The far end is `destination`, the endpoint's own is `source`: Optics sees connections from the endpoint. */
export function connectionAt(
  unfit: Unfit,
  artifact: Artifact,
  related: Related,
): { destination?: Fields; source?: Fields; network?: Fields } {
  const { facts } = artifact;
  const destination = endAt(unfit, 'destination', facts.DestinationAddress, facts.DestinationPort, related);
  const domain = keyword(unfit, 'destination.domain', facts.DnsName);
  put(destination, 'domain', domain);
  if (domain !== undefined) related.hosts.push(domain);
  const source = endAt(unfit, 'source', facts.SourceAddress, facts.SourcePort, related);
  const network: Fields = {};
  const protocol = keyword(unfit, 'network.transport', facts.Protocol)?.toLowerCase();
  put(network, 'transport', protocol === undefined ? undefined : (PROTOCOLS.get(protocol) ?? protocol));
  const known = destination.ip ?? source.ip;
  if (typeof known === 'string') network.type = known.includes(':') ? 'ipv6' : 'ipv4';
  return { destination: filled(destination), source: filled(source), network: filled(network) };
}

/** `address` takes the vendor's value whatever it is; `ip` only an address, `domain` only what can be a name. */
function endAt(unfit: Unfit, side: 'source' | 'destination', given: unknown, port: unknown, related: Related): Fields {
  const result: Fields = {};
  const written = keyword(unfit, `${side}.address`, given);
  if (written !== undefined) {
    result.address = written;
    const valid = address(written);
    if (valid !== undefined) {
      result.ip = valid;
      related.ip.push(valid);
    } else if (isHostName(written)) {
      result.domain = written;
      related.hosts.push(written);
    } else ip(unfit, `${side}.ip`, written);
  }
  put(result, 'port', integerWithin(unfit, `${side}.port`, port, 0, 65_535));
  return result;
}

/** Letters and no blanks: not an address with too many parts. */
function isHostName(written: string): boolean {
  const last = written.slice(written.lastIndexOf('.') + 1);
  return (
    written.length < 256 &&
    !written.includes(' ') &&
    !written.includes(':') &&
    last !== '' &&
    Number.isNaN(Number(last))
  );
}
