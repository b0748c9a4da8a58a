/**
 * Loaded before Sluice (`--import`): throws where nobody catches. `THROW_IN=socket` throws once, in a callback of a
 * connection to `THROW_PORT` (of each of the first `THROW_TIMES`), as a library may; `THROW_IN=timer` in a timer of nobody's.
 */
import net from 'node:net';

const [where, port] = [process.env.THROW_IN, Number(process.env.THROW_PORT)];
let left = Number(process.env.THROW_TIMES ?? 1);

if (where === 'socket') {
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...args) {
    const [options] = Array.isArray(args[0]) ? args[0] : args;
    if (Number(options?.port) === port) {
      const { push } = this;
      let isThrown = false;
      this.push = (...chunk) => {
        if (!isThrown && left > 0) {
          isThrown = true;
          left -= 1;
          throw new Error('thrown in a callback');
        }
        return push.apply(this, chunk);
      };
    }
    return connect.apply(this, args);
  };
}
if (where === 'timer') {
  process.on('message', () => {
    throw new Error('thrown by nobody');
  });
  process.channel?.unref();
}
