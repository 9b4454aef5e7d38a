/**
 * Every error code of Lockstep: the exit status that a command ends with (CLI.md, "Exit status"), the HTTP status where
 * an agent answers with it, what it means in general, and what to do where nothing better is known. One place, so
 * that consoles, the README and tests can walk through all of them.
 */
export const errorCodes = {
  USAGE: {
    exit: 64,
    http: 400,
    meaning: 'The command line makes no sense.',
    remedy: 'Add `--help`; the message names the part.',
  },
  NOT_FOUND: {
    exit: 64,
    http: 404,
    meaning: 'A server, relationship, profile, run or file of that name does not exist.',
    remedy: 'The message lists what there is.',
  },
  ALREADY_EXISTS: {
    exit: 64,
    http: 409,
    meaning: 'The name is taken.',
    remedy: 'Choose another, or edit what is there.',
  },
  ANSWER_MISSING: {
    exit: 64,
    http: 400,
    meaning: 'Something would have been asked and nobody can answer.',
    remedy: 'Add the option that the message names, mostly `--yes`.',
  },
  INVALID_CONFIGURATION: {
    exit: 64,
    http: 500,
    meaning: 'agent.json has a mistake.',
    remedy: '`lockstep agent check --data DIR` names file, place and remedy.',
  },
  INVALID_STATE: {
    exit: 1,
    http: 500,
    meaning: "The console's state cannot be read or written.",
    remedy: 'The message names the file; the version before it lies beside it.',
  },
  STATE_TOO_NEW: {
    exit: 1,
    http: 500,
    meaning: 'The state was written by a newer Lockstep.',
    remedy: 'Update this one.',
  },
  STATE_LOCKED: {
    exit: 6,
    http: 503,
    meaning: 'Another process is writing the state.',
    remedy: 'Try again; it takes moments.',
  },
  SCHEDULER_RUNNING: {
    exit: 6,
    http: 409,
    meaning: 'Another scheduler is at work for this console; the message names it.',
    remedy: 'One is enough.',
  },

  ADDRESS_IN_USE: {
    exit: 1,
    http: 500,
    meaning: "The agent's port is taken by another program.",
    remedy: 'Name another in agent.json (`listen`), or end that program.',
  },
  UNREACHABLE: {
    exit: 1,
    http: 502,
    meaning: 'Nothing answers at the address.',
    remedy: 'Is the agent running, is the port open? `lockstep server check`.',
  },
  CONNECTION_LOST: {
    exit: 1,
    http: 502,
    meaning: 'The connection broke off while something was under way.',
    remedy: 'Run it again: every step may be repeated.',
  },
  PEER_UNREACHABLE: {
    exit: 1,
    http: 502,
    meaning: 'The inside agent cannot reach the outside one.',
    remedy: 'The inside server must be able to connect to the address of the other.',
  },
  NO_SUCH_ENDPOINT: {
    exit: 1,
    http: 404,
    meaning: 'Something answers there, but it is no agent, or an older one.',
    remedy: 'Check the port; update the agent.',
  },
  INVALID_ANSWER: {
    exit: 1,
    http: 502,
    meaning: 'An agent answered something that cannot be understood.',
    remedy: 'Are console and agent of the same version?',
  },
  UNKNOWN_SITE: {
    exit: 64,
    http: 404,
    meaning: 'The server hosts no site of that name.',
    remedy: 'The message lists its sites; `lockstep agent site add` adds one.',
  },
  CERTIFICATE_MISMATCH: {
    exit: 7,
    http: 502,
    meaning: 'The server shows another certificate than the one that was pinned.',
    remedy:
      'After `cert regenerate` there: pair anew or `lockstep cert trust`. Otherwise somebody stands in between.',
  },
  IDENTITY_REFUSED: {
    exit: 7,
    http: 401,
    meaning: 'The other side does not know our certificate.',
    remedy: 'It was never paired, or revoked, or our keys were regenerated: ask for an invitation.',
  },
  ROLE_REFUSED: {
    exit: 7,
    http: 403,
    meaning: 'Our role does not allow this.',
    remedy: 'Ask for an invitation with `operate` or `admin`.',
  },
  SITE_REFUSED: {
    exit: 7,
    http: 403,
    meaning: 'Our certificate is not pinned for this site.',
    remedy: 'Create the relationship anew: that introduces the agents for it.',
  },
  INVITATION_REFUSED: {
    exit: 7,
    http: 403,
    meaning: 'The invitation is used, expired or wrong.',
    remedy: '`lockstep agent invite` prints a new one.',
  },
  RATE_LIMITED: {
    exit: 7,
    http: 429,
    meaning: 'Too many attempts to pair.',
    remedy: 'Wait a minute.',
  },
  IDENTITY_MOVED: {
    exit: 7,
    http: 503,
    meaning: 'The identity woke up on another machine: a cloned image or a restored disk.',
    remedy: '`lockstep cert regenerate --data DIR` there; `agent adopt` if the old machine is gone for good.',
  },

  BAD_REQUEST: {
    exit: 1,
    http: 400,
    meaning: 'An agent was sent something it does not accept.',
    remedy: 'Are all of the same version?',
  },
  UNSAFE_PATH: {
    exit: 1,
    http: 400,
    meaning: 'A path would leave the site root.',
    remedy: 'Nothing was written; look who sent it.',
  },
  LIMIT_EXCEEDED: {
    exit: 1,
    http: 413,
    meaning: 'Something from outside is larger than any sensible one.',
    remedy: 'The message names the limit.',
  },
  CONTENT_MISMATCH: {
    exit: 1,
    http: 422,
    meaning: 'Content arrived that is not what was announced.',
    remedy: 'Nothing was written; run it again.',
  },

  SITE_BUSY: {
    exit: 6,
    http: 409,
    meaning: 'Another run holds the site; the message names it.',
    remedy: '`lockstep runs watch ID`, or wait.',
  },
  ROLLOUT_BUSY: {
    exit: 6,
    http: 409,
    meaning: 'A process is carrying the rollout out; the message names it.',
    remedy: '`lockstep rollout watch NAME`.',
  },
  ROLLOUT_OVER: {
    exit: 64,
    http: 409,
    meaning: 'The rollout is in no state for this: over, started already, or nothing of it is at work.',
    remedy: '`lockstep rollout show NAME`.',
  },
  ROLLOUT_INTERRUPTED: {
    exit: 5,
    http: 500,
    meaning: 'The process of the rollout was ended; agents go on with what they had begun.',
    remedy: '`lockstep rollout resume NAME`.',
  },
  LEASE_LOST: {
    exit: 1,
    http: 409,
    meaning: 'The run lost its hold on the site, after a long pause of the machine or the network.',
    remedy: 'Run it again.',
  },
  MEMBER_FAILED: {
    exit: 3,
    http: 502,
    meaning:
      'A member of a cluster or a live server was left behind; it is named, the others are up to date.',
    remedy: 'Make it answer and run again.',
  },

  CLOCK_SKEW: {
    exit: 8,
    http: 412,
    meaning: 'The clocks differ by more than five minutes.',
    remedy: 'Set them right, for example by NTP.',
  },
  VERSION_DIFFERS: {
    exit: 8,
    http: 412,
    meaning: 'The sites are of different versions.',
    remedy: 'Update one, then say so in its agent.json.',
  },
  TOPOLOGY: {
    exit: 8,
    http: 412,
    meaning: 'The servers cannot be combined in this way.',
    remedy: 'The message says which and why.',
  },
  NO_SPACE: {
    exit: 8,
    http: 507,
    meaning: 'There is not enough space for what would come.',
    remedy: 'Make space; nothing was changed.',
  },
  SCHEMA_DIFFERS: {
    exit: 8,
    http: 412,
    meaning: 'The schemas of the databases do not fit.',
    remedy: 'Bring the named tables into line.',
  },
  ENGINE_DIFFERS: {
    exit: 8,
    http: 412,
    meaning: 'The databases are of different kinds.',
    remedy: 'Only databases of one kind can be kept in step.',
  },
  MASS_DELETION: {
    exit: 8,
    http: 412,
    meaning: 'The run would delete more than the allowed share.',
    remedy: 'Look at `lockstep preview`; if it is meant, `--max-delete 100%`.',
  },
  ROOT_MISSING: {
    exit: 8,
    http: 412,
    meaning: 'A site root is not there.',
    remedy: 'Is it mounted? Nothing is taken for deleted.',
  },
  ROOT_EMPTIED: {
    exit: 8,
    http: 412,
    meaning: 'A site root is suddenly empty.',
    remedy: 'If that is meant, `--max-delete 100%`.',
  },
  ROOT_CHANGED: {
    exit: 8,
    http: 412,
    meaning: 'A site root is another folder or disk than before.',
    remedy: 'Mount the right one, or add the site anew.',
  },
  STALE_PLAN: {
    exit: 8,
    http: 412,
    meaning: 'The world moved on since the plan was saved, or it was run already.',
    remedy: 'Take a new preview.',
  },
  UNDO_REFUSED: {
    exit: 8,
    http: 412,
    meaning:
      'The run is undone already, is not undone, or history does not have what an undo needs; the message says which.',
    remedy: '`lockstep runs redo`, `lockstep history restore`, or a backup.',
  },
  NEEDS_INITIAL_SYNC: {
    exit: 8,
    http: 412,
    meaning: 'The two databases do not stem from one another.',
    remedy: '`lockstep relationship initial-sync NAME`.',
  },
  INITIAL_SYNC_REFUSED: {
    exit: 8,
    http: 412,
    meaning: 'The destination was in use already, or is larger than the source.',
    remedy: 'Look at the direction; `--force --confirm NAME` where its site allows it.',
  },
  SELECTION_REFUSED: {
    exit: 8,
    http: 412,
    meaning: 'A row that selected content refers to is missing or was changed at the destination.',
    remedy: 'Run the whole profile first.',
  },
  DATABASE_UNAVAILABLE: {
    exit: 1,
    http: 503,
    meaning: "A site's database cannot be opened.",
    remedy: 'The message has the words of the database.',
  },
  DATABASE_LOCKED: {
    exit: 1,
    http: 503,
    meaning: "A site's own program holds its database for too long.",
    remedy: 'Run it again when that is done.',
  },

  MAIL_FAILED: {
    exit: 1,
    http: 502,
    meaning: 'A mail could not be sent.',
    remedy: 'The message says why: no address, or what the mail server answered. Nothing is marked as done.',
  },
  MAIL_NOT_CONFIGURED: {
    exit: 64,
    http: 409,
    meaning: 'No site of the relationship has a mail server.',
    remedy: '`"mail": {"smtp", "from"}` in agent.json of either site.',
  },
  BACKUP_TOOL_MISSING: {
    exit: 8,
    http: 412,
    meaning: "The engine's own backup tool is not on the agent's PATH.",
    remedy: 'Install it on that server; the message names it. Nothing was changed.',
  },
  BACKUP_FAILED: {
    exit: 1,
    http: 500,
    meaning: 'A backup could not be made, or not put back.',
    remedy: "The message has the tool's words; the database is as it was.",
  },
  BACKUP_DAMAGED: {
    exit: 1,
    http: 500,
    meaning: 'A backup is not whole.',
    remedy: 'Choose another; check the disk.',
  },

  RELEASE_REFUSED: {
    exit: 8,
    http: 412,
    meaning:
      'A release is expired, older than what runs, needs a newer version than runs, or its manifest contradicts itself.',
    remedy: 'The message says which; make or get another release.',
  },
  SIGNATURE_REFUSED: {
    exit: 7,
    http: 403,
    meaning:
      'A release is not signed with a key that the site or the agent trusts, or was changed after it was signed.',
    remedy: "Put the signer's public key into `update.keys` of the site in agent.json, or sign the release.",
  },
  ARCHIVE_REFUSED: {
    exit: 1,
    http: 422,
    meaning:
      'The archive of a release is damaged or hostile: paths that lead out, links, devices, a bomb, other files than were signed.',
    remedy: 'Nothing was unpacked; get the release anew from whoever made it.',
  },
  DOWNLOAD_FAILED: {
    exit: 1,
    http: 502,
    meaning:
      'A release cannot be fetched, and another attempt would not help: no such file, no right, a certificate that is not trusted.',
    remedy: 'Check the address of the release.',
  },

  UPDATE_NOT_CONFIGURED: {
    exit: 64,
    http: 409,
    meaning: 'agent.json does not say how the site is updated, or that consoles may update the agent itself.',
    remedy: 'Add `update` to the site; `lockstep agent check --data DIR` there checks it.',
  },
  PREFLIGHT_FAILED: {
    exit: 8,
    http: 412,
    meaning: 'A check before the update failed; nothing was changed.',
    remedy: 'The message names each failed check with its remedy.',
  },
  UPDATE_DEFERRED: {
    exit: 5,
    http: 409,
    meaning: 'The update did not fit into its window; nothing was changed.',
    remedy: 'Start it again in another window, or a longer one.',
  },
  UPDATE_ABORTED: {
    exit: 1,
    http: 409,
    meaning: 'The update was aborted; the old version runs.',
    remedy: 'Start it again when the reason is gone.',
  },
  UPDATE_INTERRUPTED: {
    exit: 1,
    http: 409,
    meaning: 'The agent ended in the middle of an update which could not be gone on with; it was taken back.',
    remedy: 'The old version runs; start the update again.',
  },
  UPDATE_NOT_ABORTABLE: {
    exit: 8,
    http: 409,
    meaning: 'The update has decided for the new version, is being taken back, or is over.',
    remedy: 'Wait for its end; then `lockstep rollout rollback` if it is meant.',
  },
  UPDATE_NOT_REVERSIBLE: {
    exit: 8,
    http: 409,
    meaning: 'The version before is not kept any more, or the update never got so far.',
    remedy: 'The message says which; update to a release of that version instead.',
  },
  UPDATE_ATTENTION: {
    exit: 4,
    http: 500,
    meaning:
      'The disk is not what the journal of an update expects, or the old version does not start: nothing more is touched.',
    remedy: 'The message says what was found; look at the folders it names.',
  },
  USERS_REMAIN: {
    exit: 1,
    http: 409,
    meaning: "Users did not leave, and the site's policy is not to log them off.",
    remedy: 'Logins are open again; choose another time or `"users": "logoff"`.',
  },
  SERVICE_FAILED: {
    exit: 1,
    http: 500,
    meaning: 'A command of the service failed or took too long.',
    remedy: 'The message has its last words; try it by hand.',
  },
  HEALTH_FAILED: {
    exit: 1,
    http: 500,
    meaning: 'The service does not answer as it should.',
    remedy: 'The message says what it answered; look at its log.',
  },
  MIGRATION_FAILED: {
    exit: 1,
    http: 500,
    meaning: 'The migration of the data failed; the data is what it was.',
    remedy: 'The message has its last words.',
  },

  FILE_FAILED: {
    exit: 1,
    http: 500,
    meaning: 'A file or folder of Lockstep itself cannot be used: no right, a full disk, a file in the way.',
    remedy: 'The message names it and says why.',
  },
  RUN_CANCELLED: {
    exit: 1,
    http: 409,
    meaning: 'The run was cancelled.',
    remedy: 'Nothing is half done.',
  },
  RUN_DIED: {
    exit: 1,
    http: 500,
    meaning: 'The process of a run is gone without an end.',
    remedy: 'Run it again; what was applied is kept.',
  },
  AUDIT_TAMPERED: {
    exit: 1,
    http: 500,
    meaning: 'The audit log is not what was written.',
    remedy: 'Keep a copy, find out who could write there.',
  },
  INTERNAL: {
    exit: 1,
    http: 500,
    meaning: 'A defect of Lockstep.',
    remedy: 'Please report it, with `LOCKSTEP_DEBUG=1`.',
  },
} as const satisfies Record<string, {exit: number; http: number; meaning: string; remedy: string}>;

export type ErrorCode = keyof typeof errorCodes;
