import {type Static, Type} from '#typebox';
import {siteNameSchema} from '../../protocol/schemas.js';
import {selfUpdateSchema} from './self-update-schema.js';
import {updateSchema} from './update-schema.js';

const strict = {additionalProperties: false} as const;
const text = (description: string, options: {pattern?: string; minLength?: number} = {}) =>
  Type.String({description, maxLength: 4096, ...options});
const names = (description: string) => Type.Array(Type.String({minLength: 1, maxLength: 256}), {description});
const patterns = (description: string) =>
  Type.Array(Type.String({minLength: 1, maxLength: 1024}), {description, maxItems: 10_000});
/** `30s`, `15m`, `12h`, `30d`. */
const durationPattern = '^[1-9][0-9]{0,8}(ms|s|m|h|d)$';
const duration = (description: string) =>
  text(`${description}; such as 30s, 15m, 12h or 30d`, {pattern: durationPattern});
/** What can stand in JSON and serialised text as it is. U+2060 is what marks a literal value (core/replace-values.ts). */
const replaceable = '^[^"\\\\\\x00-\\x1f\\u2060]+$';
const column = (description: string) => Type.Optional(text(description, {minLength: 1}));

const tableSchema = Type.Object(
  {
    kind: column(
      'What the rows are, for screens and collision reports: users, folders, metadata, messages, content …',
    ),
    naturalKey: Type.Optional(names('Columns by which people tell two rows apart (E18)')),
    nameColumn: column('Column that gets the id appended when two rows have one natural key (E18)'),
    references: Type.Optional(
      Type.Record(Type.String(), text('TABLE.COLUMN', {pattern: '^[^.]+\\.[^.]+$'}), {
        description: 'References that the database does not declare: column → TABLE.COLUMN',
      }),
    ),
    created: column('Column with the time at which a row was made; the later of two rows is renamed (E18)'),
    email: column('Column with the e-mail address of the user that a row stands for (E18)'),
    dependent: Type.Optional(
      Type.Boolean({description: 'Whether the rows go along with selected content that they refer to (E20)'}),
    ),
    files: Type.Optional(
      Type.Record(Type.String(), Type.String({maxLength: 4096}), {
        description: 'Columns with paths of files: column → folder that they are relative to (E20)',
      }),
    ),
    ignoreForSelection: Type.Optional(
      names('Columns whose changes do not matter to selected content that refers to the row (E20)'),
    ),
    title: column('Column with the title (E13)'),
    status: column('Column with the status (E13)'),
    folder: column('Column with the folder (E13, E21)'),
    editor: column('Column with the last editor (E13)'),
    edited: column('Column with the time of the last edit (E13)'),
  },
  strict,
);

const databaseSchema = Type.Object(
  {
    url: text(
      'sqlite:/path/file.db, postgres://user:pass@host:port/name or mysql://user:pass@host:port/name',
      {
        pattern: '^(sqlite:.+|postgres(ql)?://.+|mysql://.+|mariadb://.+)$',
      },
    ),
    exclude: Type.Optional(patterns('Tables that never travel (E31); * matches anything')),
    groups: Type.Optional(Type.Record(Type.String(), names('Tables of the group'))),
    tables: Type.Optional(
      Type.Record(Type.String(), tableSchema, {description: 'What the schema does not say of a table'}),
    ),
  },
  strict,
);

const groupSchema = Type.Object(
  {
    include: Type.Optional(patterns('Paths that belong to the group')),
    exclude: Type.Optional(patterns('Exceptions')),
    rest: Type.Optional(Type.Boolean({description: 'The group takes what no other group includes'})),
    database: Type.Optional(Type.Boolean({description: 'The group includes the database'})),
  },
  strict,
);

const siteSchema = Type.Object(
  {
    root: text('Folder of the site; a relative one is relative to this file', {minLength: 1}),
    version: Type.Optional(text('Version of the site; both ends of a sync must have the same (E26)')),
    staging: Type.Optional(Type.Boolean({description: 'A staging site (E28)'})),
    allowForceInitial: Type.Optional(
      Type.Boolean({description: 'An initial sync may be repeated by force (E15)'}),
    ),
    database: Type.Optional(databaseSchema),
    groups: Type.Optional(
      Type.Record(Type.String({minLength: 1, maxLength: 64}), groupSchema, {
        description: 'Item groups (E8), in addition to the default ones or in their place',
      }),
    ),
    logs: Type.Optional(
      Type.Array(
        Type.Object(
          {
            path: text('Pattern below the root', {minLength: 1}),
            format: Type.Optional(
              text('combined, common, json; without it any line that begins with a timestamp', {
                pattern: '^(combined|common|json|auto)$',
              }),
            ),
            timestamp: Type.Optional(
              text("Where the time stands in strftime's letters, such as %d.%m.%Y %H:%M:%S", {minLength: 2}),
            ),
          },
          strict,
        ),
        {description: 'Log files that a live sync fetches (G6)'},
      ),
    ),
    flags: Type.Optional(
      Type.Record(Type.String(), Type.Boolean(), {description: 'webAlerts, orderProcessing (E29, E30)'}),
    ),
    flagsFile: Type.Optional(
      text('File in which the flags are published as JSON; in the agent’s own data when absent', {
        minLength: 1,
      }),
    ),
    webAlert: Type.Optional(
      Type.Object(
        {
          run: Type.Optional(
            Type.Array(Type.String({maxLength: 4096}), {
              minItems: 1,
              description: 'Program and arguments; gets the alert as JSON on its standard input',
            }),
          ),
          post: Type.Optional(
            text('Address that the alert is posted to as JSON', {pattern: '^https?://.+$'}),
          ),
          headers: Type.Optional(
            Type.Record(
              Type.String({pattern: '^[A-Za-z0-9-]{1,128}$'}),
              text('Value', {pattern: '^[\\x20-\\x7e]*$'}),
              {
                description: 'Headers of the request, such as Authorization',
              },
            ),
          ),
          timeout: Type.Optional(duration('Time for one attempt; 30s when absent')),
          attempts: Type.Optional(
            Type.Integer({minimum: 1, maximum: 10, description: 'How often it is tried; 3 when absent'}),
          ),
        },
        {
          ...strict,
          description: 'Who is told of new and changed content, where the flag webAlerts is on (E29)',
        },
      ),
    ),
    replacements: Type.Optional(
      Type.Array(
        Type.Object(
          {
            canonical: text('Value as it travels', {pattern: replaceable}),
            here: text('Value on this server', {pattern: replaceable}),
            tables: Type.Optional(patterns('Tables in which it is replaced; all when absent')),
            columns: Type.Optional(patterns('Columns in which it is replaced; all when absent')),
          },
          strict,
        ),
        {description: 'Values that differ by server (E28)'},
      ),
    ),
    hooks: Type.Optional(
      Type.Object(
        {
          afterSync: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  run: Type.Array(Type.String({maxLength: 4096}), {
                    minItems: 1,
                    description: 'Program and arguments',
                  }),
                  timeout: Type.Optional(duration('Time after which it is ended; 60s when absent')),
                },
                strict,
              ),
              {description: 'Commands after a sync (E32)'},
            ),
          ),
        },
        strict,
      ),
    ),
    backup: Type.Optional(
      Type.Object(
        {
          folder: Type.Optional(text('Where backups are put', {minLength: 1})),
          keep: Type.Optional(Type.Integer({minimum: 1, description: 'How many are kept'})),
          maxAge: Type.Optional(duration('How long they are kept')),
        },
        strict,
      ),
    ),
    downloads: Type.Optional(
      Type.Object(
        {
          folder: Type.Optional(
            text('Download folder with registered files and packages; by default in the data of the agent', {
              minLength: 1,
            }),
          ),
          maxFileBytes: Type.Optional(Type.Integer({minimum: 1, maximum: 2 ** 31 - 1})),
          maxPackageBytes: Type.Optional(Type.Integer({minimum: 1, maximum: 2 ** 31 - 1})),
          maxFiles: Type.Optional(Type.Integer({minimum: 1, maximum: 65_535})),
        },
        {...strict, description: 'Download packages (P1–P8) and their limits'},
      ),
    ),
    update: Type.Optional(updateSchema),
    history: Type.Optional(
      Type.Object(
        {
          maxAge: Type.Optional(duration('How long old versions are kept (E10); 90d when absent')),
          maxEntries: Type.Optional(
            Type.Integer({minimum: 1, description: 'How many changes are kept; 2000000 when absent'}),
          ),
          maxBytes: Type.Optional(
            text('Room for old versions, such as 500MiB; 20GiB when absent', {
              pattern: '^[1-9][0-9]{0,8}(B|KiB|MiB|GiB|TiB)$',
            }),
          ),
        },
        strict,
      ),
    ),
    maxDelete: Type.Optional(
      text('Largest share of the items that a run may delete, such as 20% (E34)', {
        pattern: '^(100|[0-9]{1,2})(\\.[0-9]+)?%$',
      }),
    ),
    mail: Type.Optional(
      Type.Object(
        {
          smtp: text('smtp://host:port or smtps://host:port', {pattern: '^smtps?://.+$'}),
          from: text('Sender', {minLength: 3}),
          collision: Type.Optional(
            Type.Object(
              {
                subject: Type.Optional(
                  text('Subject; {0} is the new name, {1} the old one, {2} what the row is'),
                ),
                text: Type.Optional(text('Text; {0} is the new name, {1} the old one, {2} what the row is')),
              },
              {...strict, description: 'Mail to a user whose row was renamed (E18)'},
            ),
          ),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** The schema of agent.json (CLI.md); also written beside it, for editors. */
export const agentJsonSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    name: Type.String({minLength: 1, maxLength: 256, description: 'Name of the server'}),
    listen: Type.String({
      pattern: '^(\\[[0-9a-fA-F:.%]+\\]|[^:\\[\\]/ ]+):[0-9]{1,5}$',
      description: 'HOST:PORT; 0.0.0.0 is every address of the machine (E33)',
    }),
    advertise: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description: 'Host name or address that others reach this server by',
      }),
    ),
    selfUpdate: Type.Optional(selfUpdateSchema),
    sites: Type.Record(siteNameSchema, siteSchema, {description: 'The sites of this server (E24)'}),
  },
  {...strict, title: 'agent.json of Lockstep'},
);

/** agent.json as it is written. */
export type AgentJson = Static<typeof agentJsonSchema>;
export type SiteJson = Static<typeof siteSchema>;
export type DatabaseJson = Static<typeof databaseSchema>;
export type TableJson = Static<typeof tableSchema>;
