/** A proxy in front of a broker, which knows where an answer begins: for answers that get lost. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { randomFrom } from '../e2e/kills.ts';
import { seed } from '../seed.ts';

const random = randomFrom(seed);

/**
 * What happens to an answer. `reset`: the connection dies and the request may not have been carried out.
 * `swallow-and-reset`: it was carried out, and the connection dies instead of the answer. `swallow`: no answer, ever.
 * `garbage`: it was carried out, and what the answer says is nonsense.
 */
export type Harm = 'none' | 'reset' | 'swallow-and-reset' | 'swallow' | 'garbage';

export interface KafkaProxy {
  brokers: string[];
  /** How many answers or requests were harmed so far. */
  harmed(): number;
  /** Ends the connections that there are. */
  drop(): void;
  stop(): Promise<void>;
}

/** Of requests that write: produce, and the end of a transaction. */
const WRITES = [0, 26];

/** `judge` is asked once for every request, and whether it writes. */
export async function startKafkaProxy(
  { listen, target }: { listen: number; target: number },
  judge: (isWrite: boolean) => Harm,
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
      const verdict = judge(WRITES.includes(frame.readInt16BE(4)));
      if (verdict !== 'none') harmed++;
      if (verdict === 'reset') return die();
      verdicts.push(verdict);
      broker.write(frame);
    });
    eachFrame(broker, (frame) => {
      const verdict = verdicts.shift() ?? 'none';
      if (verdict === 'none') client.write(frame);
      else if (verdict === 'swallow-and-reset') die();
      else if (verdict === 'garbage') client.write(nonsense(frame));
    });
  });
  server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    brokers: [`127.0.0.1:${port}`],
    harmed: () => harmed,
    drop,
    async stop() {
      drop();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Of the right length, and for the right request. */
function nonsense(frame: Buffer): Buffer {
  const [length, correlation] = [frame.subarray(0, 4), frame.subarray(4, 8)];
  const noise = Buffer.from(Array.from({ length: Math.max(0, frame.length - 8) }, () => random() * 256));
  return Buffer.concat([length, correlation, noise]);
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
