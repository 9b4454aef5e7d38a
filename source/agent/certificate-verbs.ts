import {resolve} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {OperatorError} from '../core/operator-error.js';
import {readCertificateFile} from '../protocol/certificate-file.js';
import {
  fingerprintOf,
  type Identity,
  openIdentity,
  readIdentity,
  regenerateIdentity,
  subjectOf,
} from '../protocol/identity.js';
import {loadConfiguration} from './configuration/agent-configuration.js';
import {openAuditLog} from './trust/audit-log.js';
import type {InvitedRole} from './trust/invitations.js';
import {openPins, type Pin} from './trust/pins.js';
import {openServerIdentity, renewServerIdentity} from './trust/server-identity.js';

/** Whose identity a certificate verb is about: an agent's data folder or a console's home. */
type IdentityPlace = {readonly data: string} | {readonly home: string};

/** What `lockstep cert …` does, for agents and for consoles (E4). */
export const certificateVerbs = {
  show: async (place: IdentityPlace) => listing(await existingIdentity(place)),
  regenerate,
  export: exportCertificate,
  trust,
};

async function regenerate(place: IdentityPlace) {
  const folder = folderOf(place);
  let name = 'lockstep';
  if ('data' in place) ({name} = await loadConfiguration(folder));
  else name = await nameIn(folder);
  const identity = await regenerateIdentity(folder, name);
  if ('data' in place) {
    const moved = (await openServerIdentity(folder)).kind === 'moved';
    // A copy becomes a server of its own; a server that only changes its keys stays who it is.
    if (moved) await renewServerIdentity(folder);
    await openAuditLog(folder).append({
      kind: 'command',
      what: 'cert regenerate',
      detail: identity.fingerprint,
    });
  }
  return listing(identity);
}

async function exportCertificate(place: IdentityPlace, file: string) {
  const identity = await existingIdentity(place);
  try {
    await writeFileAtomic(file, identity.certificate, {mode: 0o644});
  } catch (error) {
    throw new OperatorError('USAGE', `${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return listing(identity);
}

async function trust(request: {
  data: string;
  file: string;
  role: InvitedRole | 'peer';
  name?: string;
  sites?: readonly string[];
  dryRun?: boolean;
}): Promise<Pin> {
  const {data, role} = request;
  const {sites} = await loadConfiguration(data);
  const certificate = await readCertificateFile(request.file);
  const given = role === 'peer' ? (request.sites ?? []) : [];
  for (const site of given)
    if (!sites.some(({name}) => name === site))
      throw new OperatorError('UNKNOWN_SITE', `This server hosts no site ${site}.`, {
        hint: `It hosts ${sites.map(({name}) => name).join(', ') || 'none yet'}.`,
      });
  const fingerprint = fingerprintOf(certificate);
  const name = request.name ?? subjectOf(certificate);
  const pin = {fingerprint, name, role, sites: [...given].sort()};
  if (request.dryRun) return {...pin, addedAt: new Date().toISOString()};
  const added = await openPins(data).trust(pin);
  await openAuditLog(data).append({
    kind: 'command',
    what: 'cert trust',
    detail: `${fingerprint} ${role} ${name}`,
  });
  return added;
}

const folderOf = (place: IdentityPlace) => ('data' in place ? place.data : place.home);

/** An identity is made on first use: an agent's by its name, a console's by whoever asks first. */
async function existingIdentity(place: IdentityPlace): Promise<Identity> {
  if ('data' in place) return openIdentity(place.data, (await loadConfiguration(place.data)).name);
  return openIdentity(place.home, await nameIn(place.home));
}

/** The name in the present certificate; a console that has none yet is called after the program. */
async function nameIn(folder: string): Promise<string> {
  const identity = await readIdentity(folder).catch(() => undefined);
  return identity ? subjectOf(identity.certificate) : 'lockstep console';
}

function listing({fingerprint, notAfter, path}: Identity) {
  return {fingerprint, notAfter, path: resolve(path)};
}
