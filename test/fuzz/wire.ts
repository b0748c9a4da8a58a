/** A wire that damages what a service answers, byte by byte and seeded: whatever a network or a broken proxy may do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export const HARMS = ['flip', 'cut', 'repeat', 'delay', 'drip', 'zeros'] as const;
/** `swallow`: nothing more comes through this connection, and nobody closes it. */
export type Harm = (typeof HARMS)[number] | 'swallow';

export interface Wire {
  port: number;
  /** How many pieces were damaged so far, by what was done. */
  readonly done: Record<Harm, number>;
  count(): number;
  close(): Promise<void>;
}

export interface WireOptions {
  target: number;
  /** Any free one when it is not said. */
  listen?: number;
  /** In [0, 1); draws everything. */
  draw: () => number;
  /** The part of all pieces that are damaged. */
  share: number;
  /** No more than so many. */
  most: () => number;
  /** All but `swallow` when it is not said. */
  harms?: readonly Harm[];
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
export function drawing(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const LONGEST_DELAY_MS = 1500;
const DRIPS = 60;

export async function startWire(options: WireOptions): Promise<Wire> {
  const { target, listen = 0, draw, share, most, harms = HARMS } = options;
  const sockets = new Set<Socket>();
  const done = Object.fromEntries([...HARMS, 'swallow'].map((harm) => [harm, 0])) as Record<Harm, number>;
  const count = (): number => Object.values(done).reduce((sum, one) => sum + one, 0);
  const below = (limit: number): number => Math.floor(draw() * limit);
  const server = createServer((client) => {
    const service = connect(target, '127.0.0.1');
    const end = (): void => {
      client.destroy();
      service.destroy();
    };
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        if (socket === client) end();
      });
    }
    client.pipe(service);
    let turn: Promise<void> = Promise.resolve();
    let isSwallowed = false;
    service.on('data', (piece: Buffer) => {
      service.pause();
      turn = turn.then(async () => {
        const harm = draw() < share && count() < most() ? harms[below(harms.length)] : undefined;
        if (isSwallowed) return;
        if (harm === undefined) client.write(piece);
        else {
          done[harm]++;
          isSwallowed = harm === 'swallow';
          await damage(client, piece, harm, below);
          if (harm === 'cut') end();
        }
        service.resume();
      });
    });
    service.on('end', () => void turn.then(() => client.end()));
  });
  server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    done,
    count,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function damage(client: Socket, piece: Buffer, harm: Harm, below: (limit: number) => number): Promise<void> {
  const from = below(piece.length);
  const to = Math.min(piece.length, from + 1 + below(Math.min(piece.length, 4096)));
  switch (harm) {
    case 'flip':
    case 'zeros': {
      const bytes = Buffer.from(piece);
      const places = harm === 'zeros' ? range(from, to) : range(0, 1 + below(8)).map(() => below(piece.length));
      const local = addressesIn(piece);
      // No byte of an address: what follows would be sent to somebody else.
      for (const at of places)
        if (!local.has(at)) bytes[at] = harm === 'zeros' ? 0 : (bytes[at] as number) ^ (1 << below(8));
      client.write(bytes);
      return;
    }
    case 'cut':
      client.write(piece.subarray(0, from));
      return;
    case 'repeat':
      client.write(Buffer.concat([piece.subarray(0, to), piece.subarray(from)]));
      return;
    case 'delay':
      await sleep(below(LONGEST_DELAY_MS));
      client.write(piece);
      return;
    case 'drip': {
      const size = Math.max(1, Math.ceil(piece.length / DRIPS));
      for (let at = 0; at < piece.length && !client.destroyed; at += size) {
        client.write(piece.subarray(at, at + size));
        await sleep(1 + below(20));
      }
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** Where an address of this machine stands, with the port behind it. */
function addressesIn(piece: Buffer): Set<number> {
  const places = new Set<number>();
  for (const name of ['127.0.0.1', 'localhost']) {
    for (let at = piece.indexOf(name); at >= 0; at = piece.indexOf(name, at + 1))
      for (const place of range(Math.max(0, at - 4), at + name.length + 8)) places.add(place);
  }
  return places;
}
