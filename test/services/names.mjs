/** Loaded before Sluice: names that end in `.sink.test` are this machine, as long as the file `SINK_NAMES` exists. */
import dns from 'node:dns';
import { existsSync } from 'node:fs';

const { lookup } = dns;

dns.lookup = (name, options, callback) => {
  const isOurs = name.endsWith('.sink.test');
  if (isOurs && !existsSync(process.env.SINK_NAMES)) {
    const error = new Error(`getaddrinfo ENOTFOUND ${name}`);
    const done = callback ?? options;
    setImmediate(done, Object.assign(error, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name }));
    return {};
  }
  return lookup(isOurs ? '127.0.0.1' : name, options, callback);
};
