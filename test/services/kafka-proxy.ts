/** A proxy in front of a broker, which knows where an answer begins: for answers that get lost. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * What happens to an answer. `reset`: the connection dies and the request may not have been carried out.
 * `swallow-and-reset`: it was carried out, and the connection dies instead of the answer. `swallow`: no answer, ever.
 */
export type Harm = 'none' | 'reset' | 'swallow-and-reset' | 'swallow';

export interface KafkaProxy {
  brokers: string[];
  /** How many answers or requests were harmed so far. */
  harmed(): number;
  stop(): Promise<void>;
}

/** `judge` is asked once for every request. */
export async function startKafkaProxy(
  { listen, target }: { listen: number; target: number },
  judge: () => Harm,
): Promise<KafkaProxy> {
  const sockets = new Set<Socket>();
  let harmed = 0;
  const server = createServer((client) => {
    const broker = connect(target, '127.0.0.1');
    /** What becomes of the answers, in the order of the requests: a broker keeps to it. */
    const verdicts: Harm[] = [];
    const die = () => {
      client.resetAndDestroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', die);
      socket.on('close', () => {
        sockets.delete(socket);
        die();
      });
    }
    eachFrame(client, (frame) => {
      const verdict = judge();
      if (verdict !== 'none') harmed++;
      if (verdict === 'reset') return die();
      verdicts.push(verdict);
      broker.write(frame);
    });
    eachFrame(broker, (frame) => {
      const verdict = verdicts.shift() ?? 'none';
      if (verdict === 'none') client.write(frame);
      else if (verdict === 'swallow-and-reset') die();
    });
  });
  server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    brokers: [`127.0.0.1:${port}`],
    harmed: () => harmed,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Requests and answers begin with their length, in four bytes. */
function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  let wanted = 4;
  socket.on('data', (part: Buffer) => {
    parts.push(part);
    bytes += part.length;
    while (bytes >= wanted) {
      const all = Buffer.concat(parts);
      const length = 4 + all.readUInt32BE(0);
      if (all.length < length) {
        parts = [all];
        wanted = length;
        return;
      }
      take(all.subarray(0, length));
      parts = [all.subarray(length)];
      bytes = all.length - length;
      wanted = 4;
    }
  });
}
