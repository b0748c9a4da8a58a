/** Certificates for 127.0.0.1 that are good, of another name, or expired; each its own authority. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  key: Buffer;
  cert: Buffer;
  /** What `ca_file` may name. */
  file: string;
}

export function makeCertificates(folder: string): Record<'good' | 'otherName' | 'expired', Certificate> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=test'];
  const local = 'subjectAltName=IP:127.0.0.1';
  const selfSigned = (name: string, subject: string) =>
    openssl(
      'req',
      '-x509',
      ...curve,
      '-days',
      '2',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-addext',
      subject,
    );
  selfSigned('good', local);
  selfSigned('otherName', 'subjectAltName=DNS:other.example');
  writeFileSync(join(folder, 'extensions'), `${local}\n`);
  openssl('req', ...curve, '-keyout', 'expired.key', '-out', 'expired.csr');
  const request = ['-req', '-in', 'expired.csr', '-signkey', 'expired.key', '-extfile', 'extensions'];
  openssl('x509', ...request, '-days', '-1', '-out', 'expired.pem');
  const read = (name: string): Certificate => ({
    key: readFileSync(join(folder, `${name}.key`)),
    cert: readFileSync(join(folder, `${name}.pem`)),
    file: join(folder, `${name}.pem`),
  });
  return { good: read('good'), otherName: read('otherName'), expired: read('expired') };
}
