import {createServer, type Server, type Socket} from 'node:net';
import {createInterface} from 'node:readline';
import {createSecureContext, TLSSocket} from 'node:tls';

/*
 * A small FTP server (RFC 959, 3659) for one file, which can misbehave as real ones do. The ones that there are as
 * packages need a compiler when they are installed. With a key it speaks TLS (RFC 4217), on both connections.
 */

export type FtpBehaviour = {
  /** Cuts the data connection after so many bytes of each transfer. */
  readonly cutAfter?: number;
  /** Knows no REST. */
  readonly noRestart?: boolean;
  /** Knows no SIZE. */
  readonly noSize?: boolean;
};

export class FtpServer {
  /** Commands that came, with what they said. */
  readonly commands: string[] = [];
  readonly #control: Server;
  readonly #sockets = new Set<Socket>();
  behaviour: FtpBehaviour = {};

  constructor(
    readonly path: string,
    readonly content: Buffer,
    readonly login: {readonly user: string; readonly password: string},
    readonly tls?: {readonly key: string; readonly cert: string},
  ) {
    this.#control = createServer(socket => this.#serve(socket));
  }

  async listen(): Promise<number> {
    await new Promise<void>(resolve => this.#control.listen(0, '127.0.0.1', resolve));
    return (this.#control.address() as {port: number}).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise(resolve => this.#control.close(resolve));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #serve(plain: Socket): void {
    this.#keep(plain);
    plain.write('220 ready\r\n');
    if (this.tls === undefined) {
      this.#answer(plain, socket => socket);
      return;
    }
    const secureContext = createSecureContext(this.tls);
    plain.once('data', line => {
      this.commands.push(line.toString().trim());
      plain.write('234 go on\r\n');
      const secured = (socket: Socket) => {
        const wrapped = new TLSSocket(socket, {isServer: true, secureContext});
        wrapped.on('error', () => {});
        return wrapped;
      };
      this.#answer(secured(plain), secured);
    });
  }

  /** @param wrap makes of a data connection what the file is sent over */
  #answer(control: Socket, wrap: (socket: Socket) => Socket): void {
    const say = (line: string) => control.write(`${line}\r\n`);
    let from = 0;
    let user = '';
    let data: Promise<Socket> | undefined;
    const lines = createInterface({input: control});
    // It repeats the errors of its input as its own: a client that leaves with an answer unread resets the connection.
    lines.on('error', () => {});
    lines.on('line', line => {
      this.commands.push(line);
      const [command = '', argument = ''] = [
        line.split(' ', 1)[0]!.toUpperCase(),
        line.slice(line.indexOf(' ') + 1),
      ];
      switch (command) {
        case 'USER':
          user = argument;
          say('331 password');
          break;
        case 'PASS':
          say(user === this.login.user && argument === this.login.password ? '230 in' : '530 no');
          break;
        case 'SIZE':
          if (this.behaviour.noSize) say('502 unknown');
          else say(argument === this.path ? `213 ${this.content.length}` : '550 no such file');
          break;
        case 'EPSV': {
          const listener = createServer();
          data = new Promise(resolve => listener.once('connection', resolve));
          listener.once('connection', socket => {
            this.#keep(socket);
            listener.close();
          });
          listener.listen(0, '127.0.0.1', () =>
            say(`229 entering (|||${(listener.address() as {port: number}).port}|)`),
          );
          break;
        }
        case 'REST':
          if (this.behaviour.noRestart) say('502 unknown');
          else {
            from = Number(argument);
            say('350 go on');
          }
          break;
        case 'RETR':
          if (argument === this.path) {
            say('150 it comes');
            void this.#send(data!.then(wrap), from).then(whole => say(whole ? '226 done' : '426 cut'));
          } else say('550 no such file');
          from = 0;
          break;
        case 'TYPE':
        case 'STRU':
        case 'OPTS':
        case 'PBSZ':
        case 'PROT':
        case 'NOOP':
          say('200 fine');
          break;
        case 'QUIT':
          control.end('221 bye\r\n');
          break;
        default:
          say('502 unknown');
      }
    });
  }

  async #send(data: Promise<Socket>, from: number): Promise<boolean> {
    const socket = await data;
    const rest = this.content.subarray(from);
    const {cutAfter = rest.length} = this.behaviour;
    socket.end(rest.subarray(0, cutAfter));
    await new Promise(resolve => socket.once('close', resolve));
    return cutAfter >= rest.length;
  }
}
