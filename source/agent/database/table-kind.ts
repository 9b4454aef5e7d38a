import type {TableSettings} from './database-options.js';

/** What tables are called in which people would look for rows of a kind, where agent.json says nothing. */
const usualNames: Readonly<Record<string, readonly string[]>> = {
  content: ['content', 'contents', 'pages', 'page', 'articles', 'article', 'posts', 'documents'],
  folders: ['folders', 'folder', 'sections', 'categories'],
  users: ['users', 'user', 'accounts'],
  groups: ['groups', 'usergroups', 'user_groups', 'roles'],
};

/** What the rows of a table are: `kind` of agent.json, else what its name says; undefined for everything else. */
export function kindOfTable(table: string, settings: TableSettings | undefined): string | undefined {
  if (settings?.kind !== undefined) return settings.kind;
  const name = table.toLowerCase();
  return Object.entries(usualNames).find(([, names]) => names.includes(name))?.[0];
}
