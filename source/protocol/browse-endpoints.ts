import {type Static, Type} from '#typebox';
import {endpoint, json} from './endpoint.js';
import {strict, text} from './endpoint-schemas.js';

/*
 * What a site holds, level by level, for picking what is to travel (E20–E22). Read-only.
 */

/** Entries of one level that an answer holds at most; a picker is filtered beyond that, not scrolled. */
export const browseLimit = 1000;

const folderEntry = Type.Object({
  /** Relative to the site root, in the text form of items. */
  path: text(16 * 1024),
  kind: Type.Union([
    Type.Literal('file'),
    Type.Literal('folder'),
    Type.Literal('link'),
    Type.Literal('special'),
  ]),
  /** Bytes; 0 for what has no content. */
  size: Type.Integer({minimum: 0}),
  /** ISO 8601, UTC. */
  mtime: text(64),
});

/** A file, folder or link directly in a folder of a site. */
export type FolderEntry = Static<typeof folderEntry>;

/** What lies directly in a folder of the site as it is on the disk now; '' is the root. NOT_FOUND, UNSAFE_PATH. */
export const browseFiles = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/browse/files',
  access: 'view',
  audited: false,
  body: json(Type.Object({folder: text(16 * 1024)}, strict)),
  reply: json(Type.Object({entries: Type.Array(folderEntry), more: Type.Boolean()})),
});

const contentEntry = Type.Object({
  kind: Type.Union([Type.Literal('folder'), Type.Literal('content')]),
  table: text(256),
  key: Type.Array(Type.String(), {minItems: 1, maxItems: 64}),
  /** What people call the row; absent where it has no such column. */
  title: Type.Optional(text()),
});

/** A folder row or a content row. */
export type ContentEntry = Static<typeof contentEntry>;

/**
 * Folders and content directly in a folder of the content, by their rows; without one the outermost level. Which
 * tables hold them stands in agent.json or is guessed from their names (E20, E21).
 */
export const browseContent = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/browse/content',
  access: 'view',
  audited: false,
  body: json(Type.Object({folder: Type.Optional(Type.Array(text(), {minItems: 1, maxItems: 64}))}, strict)),
  reply: json(Type.Object({entries: Type.Array(contentEntry), more: Type.Boolean()})),
});
