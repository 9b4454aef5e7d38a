import type {Handlers} from './context.js';

export const backupHandlers: Handlers<'list-backups' | 'create-backup' | 'restore-backup'> = {
  async 'list-backups'({backups}, {screen, address}, {answer, now}) {
    const found = await backups.list(address);
    answer(screen, {kind: 'backups', ...found, at: now()});
  },

  async 'create-backup'({backups}, {screen, address}, {answer}) {
    answer(screen, {kind: 'working', text: 'a backup is being made'});
    const made = await backups.create(address);
    answer(screen, {kind: 'saved', text: `${made.name} is made and verified.`});
  },

  async 'restore-backup'({backups}, {screen, address, name}, {answer}) {
    answer(screen, {kind: 'working', text: 'a backup is being put back'});
    const {warning} = await backups.restore(address, name);
    answer(screen, {
      kind: 'saved',
      text: warning ?? `The database is what it was; what was there before has a backup.`,
    });
  },
};
