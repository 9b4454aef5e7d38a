import {createSocket, type Socket} from 'node:dgram';
import {once} from 'node:events';
import {createServer} from 'node:net';

/** Below what systems hand out by themselves, so that neither a connection nor a server on port 0 sits there. */
const ports = {from: 10_240, to: 32_767};

/** A port of the loopback on which a test listens with TCP, now and then; nobody who asks here gets it meanwhile. */
export type ReservedPort = {readonly port: number; release(): void};

/**
 * Reserves a port also from tests in other processes: whoever has it holds the port of the same number over UDP.
 * @throws Error when none of many is free
 */
export async function reservePort(): Promise<ReservedPort> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from));
    const mark = createSocket('udp4');
    if (!(await succeeds(mark, () => mark.bind(port, '127.0.0.1')))) continue;
    if (await isFree(port)) return hold(mark, port);
    mark.close();
  }
  throw new Error('no port is free');
}

function hold(mark: Socket, port: number): ReservedPort {
  mark.unref();
  let isHeld = true;
  return {
    port,
    release() {
      if (isHeld) mark.close();
      isHeld = false;
    },
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  if (!(await succeeds(server, () => server.listen(port, '127.0.0.1')))) return false;
  await new Promise(resolve => server.close(resolve));
  return true;
}

/** Whether an address can be taken. @throws Error for any other reason than that somebody has it */
async function succeeds(taker: NodeJS.EventEmitter, take: () => void): Promise<boolean> {
  const listening = once(taker, 'listening');
  take();
  try {
    await listening;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
}
