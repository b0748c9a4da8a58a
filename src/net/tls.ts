/** Trust in certificates, and advice for connections that fail because of TLS: the same for vendors and sinks. */
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

/** The settings as the advice names them. */
export interface TlsSettings {
  /** The setting of the authority: `http.ca_file of the source`. */
  ca: string;
  /** The setting of the address. */
  address: string;
  /** How to switch TLS on and off: `write https:// in base_url`. */
  on: string;
  off: string;
}

export interface TlsTrouble {
  what: string;
  advice: string;
  /** Waiting does not help, as far as can be told: the settings are wrong. */
  lasts: boolean;
}

interface Kind {
  pattern: RegExp;
  what: string;
  lasts: boolean;
  advice(settings: TlsSettings): string;
}

/** Recognised by code or message, since some clients pass on only one of them. */
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

/** The TLS trouble that an error's code and message tell; undefined for other errors. */
export function tlsTrouble(said: string, settings: TlsSettings): TlsTrouble | undefined {
  const kind = KINDS.find(({ pattern }) => pattern.test(said));
  return kind && { what: kind.what, lasts: kind.lasts, advice: kind.advice(settings) };
}

/** A hint, as a sentence, for a connection that ended in a way that is usual for the wrong port. */
export function portHint(said: string, isTls: boolean, { on, off }: TlsSettings): string | undefined {
  if (isTls) return /disconnected before secure/i.test(said) ? `If the port does not speak TLS: ${off}.` : undefined;
  const isCut = /hang up|other side closed|closed connection|ECONNRESET|HPE_|Parse Error|Expected HTTP/i.test(said);
  return isCut ? `If the port speaks TLS: ${on}.` : undefined;
}

/** Whether a reply says that the port expects TLS. */
export function wantsTls(status: number, said: string): boolean {
  return (
    status === 400 &&
    /plain http (request|to)|http request to an? https|requires? (https|tls|ssl)|https port/i.test(said)
  );
}

/** The message without details for programmers: OpenSSL's numbers and files, and Node's own advice. */
export function plainly(message: string): string {
  return message
    .replace(/\b[0-9A-F]{8,}:error:[0-9A-F]+:[^:]*:[^:]*:([^:]*):[\s\S]*$/, '$1')
    .replace(/; if the root CA is installed locally, [\s\S]*$/, '');
}
