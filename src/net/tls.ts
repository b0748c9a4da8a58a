/** Trust in certificates, and what a connection that fails says about TLS: the same for vendors and sinks. */
import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { messageOf, usageError } from '../api/errors.ts';

/** The authorities that Node trusts, and those of a PEM file; undefined without one. `of` is what the file is named for. */
export function authoritiesWith(caFile: string | undefined, of: string): string[] | undefined {
  if (caFile === undefined) return undefined;
  try {
    return [...getCACertificates('default'), readFileSync(caFile, 'utf8')];
  } catch (error) {
    throw usageError(`the CA file of ${of} cannot be read: ${messageOf(error)}`, 'Name a PEM file in its `ca_file`.');
  }
}

/** The settings that advice names. */
export interface TlsSettings {
  /** Where an authority is named: `http.ca_file of the source`. */
  ca: string;
  /** Where the address stands. */
  address: string;
  /** How TLS is switched on, and off: `write https:// in base_url`. */
  on: string;
  off: string;
}

export interface TlsTrouble {
  what: string;
  advice: string;
  /** No waiting helps, as far as can be told: the trust is wrong, and not the moment. */
  lasts: boolean;
}

interface Kind {
  pattern: RegExp;
  what: string;
  lasts: boolean;
  advice(settings: TlsSettings): string;
}

/** By code or message, since some clients hand on only one of them. */
const KINDS: Kind[] = [
  {
    pattern: /CERT_HAS_EXPIRED|certificate has expired/,
    what: "the server's certificate has expired",
    lasts: false,
    advice: () => "Have the server's certificate renewed; if it is valid, this machine's clock is wrong: set it (NTP).",
  },
  {
    pattern: /CERT_NOT_YET_VALID|certificate is not yet valid/,
    what: "the server's certificate is not valid yet",
    lasts: false,
    advice: () => "Is this machine's clock right? Set it (NTP); else the server's certificate is for later.",
  },
  {
    pattern: /ALTNAME|altnames/i,
    what: "the server's certificate is for another name",
    lasts: true,
    advice: ({ address }) => `Name the server in ${address} as its certificate does, or have one made for this name.`,
  },
  {
    pattern: /alert (bad )?certificate|certificate required/i,
    what: 'the server wants a certificate of the client',
    lasts: true,
    advice: ({ address }) => `Sluice has none: name a port in ${address} that goes without, or a gateway that has one.`,
  },
  {
    pattern: /certificate|self[- ]signed|SELF_SIGNED|CERT_|UNABLE_TO_|ERR_TLS/i,
    what: "the server's certificate is not trusted",
    lasts: true,
    advice: ({ ca }) => `Name the PEM file of the authority that signed it in ${ca}.`,
  },
  {
    pattern: /wrong version number|packet length too long|record layer failure/i,
    what: 'the port does not speak TLS',
    lasts: false,
    advice: ({ address, off }) => `Name the port for TLS in ${address}, or ${off}.`,
  },
];

/** What an error's code and message say about TLS; undefined where they say nothing. */
export function tlsTrouble(said: string, settings: TlsSettings): TlsTrouble | undefined {
  const kind = KINDS.find(({ pattern }) => pattern.test(said));
  return kind && { what: kind.what, lasts: kind.lasts, advice: kind.advice(settings) };
}

/** Where a connection ended in a way that is usual for the wrong port: what to look at, as a sentence. */
export function portHint(said: string, isTls: boolean, { on, off }: TlsSettings): string | undefined {
  if (isTls) return /disconnected before secure/i.test(said) ? `If the port does not speak TLS: ${off}.` : undefined;
  const isCut = /hang up|other side closed|closed connection|ECONNRESET|HPE_|Parse Error|Expected HTTP/i.test(said);
  return isCut ? `If the port speaks TLS: ${on}.` : undefined;
}

/** What a server says that was spoken to without TLS on the port for it. */
export function wantsTls(status: number, said: string): boolean {
  return (
    status === 400 &&
    /plain http (request|to)|http request to an? https|requires? (https|tls|ssl)|https port/i.test(said)
  );
}

/** Without what only programmers need: OpenSSL's numbers and files, and what Node advises. */
export function plainly(message: string): string {
  return message
    .replace(/\b[0-9A-F]{8,}:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[\s\S]*$/, '$1')
    .replace(/; if the root CA is installed locally, [\s\S]*$/, '');
}
