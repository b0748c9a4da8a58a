/**
 * Loaded before Sluice (`--import`): its wall clock is off by so many milliseconds as the file `CLOCK_FILE` says, as if
 * somebody had set it. Timers and `performance.now()` go on as they do.
 */
import { readFileSync } from 'node:fs';

const { CLOCK_FILE: file } = process.env;
const RealDate = Date;
let offsetMs = 0;

function look() {
  try {
    offsetMs = Number(readFileSync(file, 'utf8'));
  } catch {
    // not there yet
  }
}

if (file !== undefined) {
  look();
  setInterval(look, 20).unref();
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      super(...(given.length === 0 ? [RealDate.now() + offsetMs] : given));
    }

    static now() {
      return RealDate.now() + offsetMs;
    }
  };
}
