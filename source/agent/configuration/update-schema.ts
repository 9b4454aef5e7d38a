import {type Static, Type} from '#typebox';
import {releaseSettingsSchema} from './release-json-schema.js';

const strict = {additionalProperties: false} as const;
const durationPattern = '^[1-9][0-9]{0,8}(ms|s|m|h|d)$';
const duration = (description: string) =>
  Type.String({
    description: `${description}; such as 30s, 15m, 12h or 30d`,
    maxLength: 64,
    pattern: durationPattern,
  });
const command = (description: string) =>
  Type.Optional(
    Type.Object(
      {
        run: Type.Array(Type.String({maxLength: 4096}), {
          minItems: 1,
          maxItems: 256,
          description: 'Program and arguments',
        }),
        timeout: Type.Optional(duration('Time it may take')),
      },
      {...strict, description},
    ),
  );

/** How the service of a site is started, stopped and asked (U4, U5, U8, U9). */
const serviceSchema = Type.Object(
  {
    kind: Type.Optional(
      Type.Union([Type.Literal('command'), Type.Literal('systemd')], {
        description: 'command when absent; systemd starts, stops and asks a unit by systemctl',
      }),
    ),
    unit: Type.Optional(
      Type.String({pattern: '^[A-Za-z0-9:_.@\\\\-]{1,256}$', description: 'Unit of systemd'}),
    ),
    start: command('Starts the service and returns; does nothing when it runs. 60s when no timeout is given'),
    stop: command('Stops it; what still runs at the timeout counts as not stopped. 60s'),
    status: command('Ends with 0 when the service runs, with 1, 2 or 3 when it does not'),
    sessions: command('Prints how many users are on the service, as a number'),
    warn: command('Tells the users; LOCKSTEP_MESSAGE is the text, LOCKSTEP_SESSIONS_END_AT the time'),
    closeLogins: command('Lets nobody in any more'),
    openLogins: command('Lets users in again'),
    logoff: command('Closes the sessions that are left'),
    kill: command('Ends a service that ignores stop; without it such a service is left running'),
    health: command(
      'Ends with 0 when the service is well; LOCKSTEP_VERSION is the version that should answer',
    ),
    migrate: command('Changes the data for the new version (U9). 10m'),
    structureVersion: command('Prints the structure version of the data'),
    killUnit: Type.Optional(
      Type.Boolean({description: 'systemd: a unit that ignores stop is killed; false when absent'}),
    ),
    killCommands: Type.Optional(
      Type.Boolean({
        description:
          'A command that ignores TERM at its timeout is killed; false when absent: it is left alone',
      }),
    ),
  },
  {...strict, description: 'The service that an update stops and starts'},
);

/** `update` of a site: how its service is updated (U1–U15). */
export const updateSchema = Type.Object(
  {
    ...releaseSettingsSchema,
    folder: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description: 'The server folder, which an update exchanges; a relative one is relative to this file',
      }),
    ),
    carry: Type.Optional(
      Type.Array(
        Type.Union([
          Type.String({minLength: 1, maxLength: 1024}),
          Type.Object(
            {
              path: Type.String({minLength: 1, maxLength: 1024}),
              required: Type.Optional(
                Type.Boolean({description: 'The update is refused when nothing matches'}),
              ),
            },
            strict,
          ),
        ]),
        {
          maxItems: 1000,
          description: 'Patterns below the server folder of what is carried over to the new version (U7)',
        },
      ),
    ),
    service: Type.Optional(serviceSchema),
    health: Type.Optional(
      Type.Object(
        {
          url: Type.Optional(
            Type.String({pattern: '^https?://.+$', maxLength: 2048, description: 'Asked with GET'}),
          ),
          status: Type.Optional(Type.Integer({minimum: 100, maximum: 599, description: '200 when absent'})),
          version: Type.Optional(
            Type.String({
              pattern: '^(/.*|header:[A-Za-z0-9-]+|body)$',
              maxLength: 256,
              description:
                'Where the answer says the version: a JSON pointer such as /version, header:NAME, or body for anywhere in the text',
            }),
          ),
          timeout: Type.Optional(duration('Within which the service must be well; 60s when absent')),
        },
        {...strict, description: 'How it is seen that the service is well (U8)'},
      ),
    ),
    grace: Type.Optional(duration('Between the warning and the end of the sessions (U4); 90s when absent')),
    leave: Type.Optional(duration('For sessions to end after they were closed; 30s when absent')),
    users: Type.Optional(
      Type.Union([Type.Literal('logoff'), Type.Literal('abort')], {
        description:
          'What happens to users who do not leave: they are logged off (when absent), or the update is aborted',
      }),
    ),
    backup: Type.Optional(
      Type.Boolean({
        description:
          'Whether the database is backed up (U3, U10); true when absent. Without it a failed migration needs a person',
      }),
    ),
    keepPrevious: Type.Optional(
      Type.Boolean({
        description:
          'Whether the version before is kept in the data of the agent, so that one can go back to it by hand; true when absent',
      }),
    ),
    notice: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        description:
          'File in which the site finds what to tell its users; in the data of the agent when absent',
      }),
    ),
    window: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 256,
        description:
          'When this server is usually updated, such as "daily 22:00-05:00 Europe/Berlin"; another time is warned of (U1)',
      }),
    ),
    mail: Type.Optional(
      Type.Object(
        {
          administrator: Type.Array(Type.String({pattern: '^[^\\s@<>,;"]+@[^\\s@<>,;"]+$', maxLength: 256}), {
            minItems: 1,
            maxItems: 20,
            description: 'Told how every update ended (U12)',
          }),
        },
        {...strict, description: 'Sent by the mail server of the site (`mail`)'},
      ),
    ),
  },
  {...strict, description: 'How the service of the site is updated (U1–U15)'},
);

export type UpdateJson = Static<typeof updateSchema>;
