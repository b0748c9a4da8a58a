/**
 * Loaded before Sluice (`--import`): throws where nobody catches. `THROW_IN=socket` throws once, in a callback of a
 * connection to `THROW_PORT`, as a library may; `THROW_IN=timer` in a timer of nobody's.
 */
import net from 'node:net';

const [where, port] = [process.env.THROW_IN, Number(process.env.THROW_PORT)];
let thrown = false;

if (where === 'socket') {
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (...args) {
    const [options] = Array.isArray(args[0]) ? args[0] : args;
    if (Number(options?.port) === port) {
      const { push } = this;
      this.push = (...chunk) => {
        if (!thrown) {
          thrown = true;
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
