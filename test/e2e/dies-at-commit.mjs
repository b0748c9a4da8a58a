// Loaded before the program: kills it, as by `kill -9`, right after the state's first commit of a batch.
import { DatabaseSync } from 'node:sqlite';

const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql) {
  exec.call(this, sql);
  if (sql === 'COMMIT') process.kill(process.pid, 'SIGKILL');
};
