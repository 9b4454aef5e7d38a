import {resolve} from 'node:path';
import {contentEntries, fileEntries} from '../picker/picker-entries.js';
import type {ServerCommand} from '../server-command.js';
import type {Handlers} from './context.js';

/** Entries of an audit log that are asked for at a time. */
const auditPage = 100;

/** What a server holds, whom it trusts and what it has noted (E4, E20–E22, X1, X7). */
export const trustHandlers: Handlers<ServerCommand['type']> = {
  async browse({browse}, {screen, address, tree, at}, {answer, now}) {
    const where = at === undefined ? {} : {at};
    if (tree === 'files') {
      const level = await browse.files(address, typeof at === 'string' ? at : '');
      const entries = fileEntries(level.entries);
      return answer(screen, {kind: 'level', tree, ...where, entries, more: level.more, taken: now()});
    }
    const level = await browse.content(address, typeof at === 'string' ? undefined : at);
    const entries = contentEntries(level.entries);
    return answer(screen, {kind: 'level', tree, ...where, entries, more: level.more, taken: now()});
  },

  async 'test-connections'({relationships}, {screen, relationship}, {answer, now}) {
    answer(screen, {kind: 'connections', tests: await relationships.test(relationship), at: now()});
  },

  async 'list-peers'({trust}, {screen, server}, {answer, now}) {
    answer(screen, {kind: 'peers', peers: await trust.peers(server), at: now()});
  },

  async 'revoke-peer'({trust}, {screen, server, fingerprint, name}, {answer}) {
    await trust.revoke(server, fingerprint);
    answer(screen, {kind: 'saved', text: `${server} refuses ${name} from now on.`});
  },

  async invite({trust}, {screen, server, role, ttlMs}, {answer}) {
    answer(screen, {kind: 'invited', role, ...(await trust.invite(server, {role, ttlMs}))});
  },

  async 'pin-console'({trust}, {screen, server, file, role, name}, {answer}) {
    const peer = await trust.pin(server, resolve(file), {role, ...(name === undefined ? {} : {name})});
    answer(screen, {kind: 'saved', text: `${server} trusts ${peer.name} as ${peer.role}.`});
  },

  async 'pin-server'({trust}, {screen, file, name, url}, {answer}) {
    const entry = await trust.pinServer(resolve(file), {
      ...(name === undefined ? {} : {name}),
      ...(url === undefined ? {} : {url}),
    });
    answer(screen, {kind: 'saved', text: `This console trusts ${entry.name} at ${entry.url}.`});
  },

  async 'export-certificate'({trust}, {screen, file, server}, {answer}) {
    const written = await trust.export(resolve(file), server);
    answer(screen, {kind: 'saved', text: `The certificate is in ${written.path}; the key is not.`});
  },

  async 'regenerate-identity'({trust}, _command, {tell}) {
    const {fingerprint} = await trust.regenerateOwn();
    tell({
      type: 'changed',
      text: `New keys; every server refuses them until it is paired anew. Fingerprint ${fingerprint.slice(0, 16)}…`,
      reload: ['identity'],
    });
  },

  async 'read-audit'({trust}, {screen, server, before, verify}, {answer, now}) {
    const page = await trust.audit(server, {
      limit: auditPage,
      ...(before === undefined ? {} : {before}),
      verify,
    });
    answer(screen, {kind: 'audit', ...page, ...(before === undefined ? {} : {before}), at: now()});
  },
};
