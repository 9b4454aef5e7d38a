import {createHash, randomBytes} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import machineId from 'node-machine-id';
import writeFileAtomic from 'write-file-atomic';
import {Type} from '#typebox';
import {OperatorError} from '../../core/operator-error.js';
import {validate} from '../../protocol/transport/validate.js';

/** Which server this is, for good, and the machine on which it became that. */
type ServerRecord = {readonly serverId: string; readonly machine: string; readonly madeAt: string};

const schema = Type.Object({
  serverId: Type.String({pattern: '^[0-9a-z]{8,64}$'}),
  machine: Type.String(),
  madeAt: Type.String(),
});

/** Whether the identity is where it was made. A cloned image or a restored disk shows as `moved` (DESIGN.md, "Trust"). */
export type ServerIdentity =
  | {readonly kind: 'here'; readonly serverId: string}
  | {readonly kind: 'moved'; readonly serverId: string};

const pathOf = (dataFolder: string) => join(dataFolder, 'server.json');

/** Reads the server's id, or makes it on first use from the machine's id and a random part. */
export async function openServerIdentity(dataFolder: string): Promise<ServerIdentity> {
  let text: string;
  try {
    text = await readFile(pathOf(dataFolder), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return renewServerIdentity(dataFolder);
  }
  let record: ServerRecord;
  try {
    record = JSON.parse(text) as ServerRecord;
    validate(schema, record, 'server.json');
  } catch (error) {
    throw new OperatorError(
      'INVALID_STATE',
      `${pathOf(dataFolder)} cannot be read: ${(error as Error).message}`,
      {
        hint: 'Put it back from a backup, or make a new identity with `lockstep cert regenerate`.',
        cause: error,
      },
    );
  }
  const here = record.machine === (await machineMark(record.serverId));
  return {kind: here ? 'here' : 'moved', serverId: record.serverId};
}

/** Gives the server a new id: with new keys, or on a machine that is a copy of another. */
export async function renewServerIdentity(dataFolder: string): Promise<ServerIdentity> {
  const random = randomBytes(8).toString('hex');
  const serverId = createHash('sha256')
    .update(`${await thisMachine()}\n${random}`)
    .digest('hex')
    .slice(0, 24);
  await save(dataFolder, serverId);
  return {kind: 'here', serverId};
}

/** Keeps the id although the machine is another one: the old server is gone, this one takes its place. */
export async function adoptServerIdentity(dataFolder: string): Promise<ServerIdentity> {
  const {serverId} = await openServerIdentity(dataFolder);
  await save(dataFolder, serverId);
  return {kind: 'here', serverId};
}

/** @throws OperatorError IDENTITY_MOVED: two servers with one id would corrupt version vectors. */
export function refuseMoved(identity: ServerIdentity): void {
  if (identity.kind === 'moved')
    throw new OperatorError('IDENTITY_MOVED', 'This identity was made on another machine.', {
      hint:
        'If this is a copy and the other server lives on, run `lockstep cert regenerate --data DIR` and pair again; ' +
        'if the other server is gone for good, run `lockstep agent adopt --data DIR`.',
    });
}

async function save(dataFolder: string, serverId: string): Promise<void> {
  const record: ServerRecord = {
    serverId,
    machine: await machineMark(serverId),
    madeAt: new Date().toISOString(),
  };
  await writeFileAtomic(pathOf(dataFolder), `${JSON.stringify(record, null, 2)}\n`, {mode: 0o600});
}

/** The machine's id is nobody else's business (machine-id(5)): only a hash of it is kept. */
async function machineMark(serverId: string): Promise<string> {
  return createHash('sha256')
    .update(`${await thisMachine()}\n${serverId}`)
    .digest('hex');
}

/** Where machine-id(5) lies, in the order in which it is asked for. */
const idFiles = ['/var/lib/dbus/machine-id', '/etc/machine-id'] as const;

/** @throws OperatorError INVALID_STATE rather than to take a machine that cannot be told for another one. */
async function thisMachine(): Promise<string> {
  const found = await machineId.machineId(true).catch(() => '');
  if (found !== '') return found;
  // The library asks the system's tools, which an agent with an odd PATH does not find.
  for (const file of idFiles) {
    const id = (await readFile(file, 'utf8').catch(() => '')).replace(/\s+/g, '').toLowerCase();
    if (id !== '') return id;
  }
  throw new OperatorError('INVALID_STATE', 'The id of this machine cannot be read.', {
    hint: "PATH must lead to the system's tools (/usr/bin, /bin, /usr/sbin, /sbin).",
  });
}
