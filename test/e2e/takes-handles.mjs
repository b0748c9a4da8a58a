/** Loaded before Sluice: while the file `TAKE_HANDLES` exists, no more files can be opened in this process. */
import { closeSync, existsSync, openSync } from 'node:fs';

const taken = [];
setInterval(() => {
  if (!existsSync(process.env.TAKE_HANDLES)) for (const fd of taken.splice(0)) closeSync(fd);
  else
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      // all of them are taken
    }
}, 5).unref();
