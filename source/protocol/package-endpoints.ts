import {Type} from '#typebox';
import {
  longestLifetimeMs,
  longestLinkMs,
  type Package,
  type PackageState,
  type RegisteredFile,
} from '../core/package.js';
import {endpoint, frames, json} from './endpoint.js';
import {moment, strict} from './endpoint-schemas.js';

const name = Type.String({minLength: 1, maxLength: 200});
const names = Type.Array(name, {maxItems: 65_535});
const callers = Type.Array(Type.String({minLength: 1, maxLength: 256}), {maxItems: 1000});
const attributes = {
  title: Type.String({maxLength: 1000}),
  expiresAt: moment,
  lifetimeMs: Type.Integer({minimum: 1000, maximum: longestLifetimeMs}),
  managers: callers,
  downloaders: callers,
  links: Type.Boolean(),
};
const registeredFile = Type.Unsafe<RegisteredFile>(Type.Object({name, sha256: Type.String()}));
const listing = Type.Unsafe<Package & {state: PackageState; expires?: string}>(
  Type.Object({name, state: Type.String()}),
);
/** Names of packages that had expired and were deleted when the package manager was opened (P7). */
const expired = Type.Array(Type.String());

/** Every file that can be assigned to packages (P4). */
export const listDownloadFiles = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/downloads/files',
  access: 'view',
  audited: false,
  reply: json(Type.Object({files: Type.Array(registeredFile)})),
});

/** Copies a file into the download folder and registers it (P4). */
export const importDownloadFile = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/downloads/files/:file',
  access: 'operate',
  audited: true,
  query: Type.Object({replace: Type.Optional(Type.Literal('yes'))}, strict),
  body: frames,
  reply: json(registeredFile),
});

/** Takes a file out of the download folder; archives that hold it stay as they are (P5). */
export const deleteDownloadFile = endpoint({
  method: 'DELETE',
  path: '/v1/sites/:site/downloads/files/:file',
  access: 'operate',
  audited: true,
  reply: json(Type.Object({})),
});

/** Opens the package manager of a site: what has expired is deleted, the rest is listed (P1, P7). */
export const openPackages = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/packages/open',
  access: 'view',
  audited: false,
  reply: json(Type.Object({packages: Type.Array(listing), expired})),
});

/** Defines a package; it has no archive before files are assigned (P2). */
export const createPackage = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/packages',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {
        name,
        attributes: Type.Object(
          {
            ...attributes,
            expiresAt: Type.Optional(attributes.expiresAt),
            lifetimeMs: Type.Optional(attributes.lifetimeMs),
          },
          strict,
        ),
      },
      strict,
    ),
  ),
  reply: json(listing),
});

/** Changes attributes (P6); `clear` takes a date or lifetime away. */
export const editPackage = endpoint({
  method: 'PUT',
  path: '/v1/sites/:site/packages/:package',
  access: 'operate',
  audited: true,
  body: json(
    Type.Object(
      {
        attributes: Type.Partial(Type.Object(attributes, strict)),
        clear: Type.Array(Type.Union([Type.Literal('expiresAt'), Type.Literal('lifetimeMs')])),
      },
      strict,
    ),
  ),
  reply: json(listing),
});

/** Adds and removes files, and writes the archive anew (P3, P5). Nothing to add or remove rebuilds it. */
export const assignFiles = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/packages/:package/files',
  access: 'operate',
  audited: true,
  body: json(Type.Object({add: names, remove: names}, strict)),
  reply: json(listing),
});

export const deletePackage = endpoint({
  method: 'DELETE',
  path: '/v1/sites/:site/packages/:package',
  access: 'operate',
  audited: true,
  reply: json(Type.Object({})),
});

/** Makes a signed link that anybody who has it can download with until it expires (P8). */
export const linkPackage = endpoint({
  method: 'POST',
  path: '/v1/sites/:site/packages/:package/link',
  access: 'operate',
  audited: true,
  body: json(Type.Object({ttlMs: Type.Integer({minimum: 1000, maximum: longestLinkMs})}, strict)),
  reply: json(Type.Object({path: Type.String(), expiresAt: Type.String()})),
});

/** The archive from a byte on, for pinned callers. */
export const fetchPackage = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/packages/:package/content',
  access: 'pinned',
  audited: false,
  query: Type.Object({from: Type.String({pattern: '^[0-9]{1,15}$'})}, strict),
  reply: frames,
});

/** What a pinned caller may know of a package that it downloads: size and checksums. */
export const describePackage = endpoint({
  method: 'GET',
  path: '/v1/sites/:site/packages/:package',
  access: 'pinned',
  audited: false,
  reply: json(listing),
});
