import {createReadStream} from 'node:fs';
import {basename, dirname} from 'node:path';
import {send} from '@fastify/send';
import type {FastifyReply, FastifyRequest} from 'fastify';
import {OperatorError} from '../../core/operator-error.js';
import {expiryOf, isNamed, type Package} from '../../core/package.js';
import * as endpoints from '../../protocol/package-endpoints.js';
import type {AgentServer} from '../server/agent-server.js';
import {type Caller, identifyCaller} from '../server/caller.js';
import {registerEndpoint} from '../server/register-endpoint.js';
import type {Site} from '../site/site.js';
import {expirePackages} from './expire-packages.js';
import {archivePath, openPackageLinks} from './package-links.js';
import type {PackageListing, PackageStore} from './package-store.js';

/** Adds the package manager of every site to the server (P1–P8). */
export function registerPackageRoutes(
  server: AgentServer,
  siteOf: (name: string) => Site,
  sites: () => readonly Site[],
): void {
  const storeOf = (site: string): PackageStore => siteOf(site).packages;
  const links = openPackageLinks(server.dataFolder);
  const lookForExpired = expirePackages({sites, log: server.log, stopping: server.stopping});

  registerEndpoint(server, endpoints.listDownloadFiles, async ({params}) => ({
    files: [...(await storeOf(params.site).files())],
  }));
  registerEndpoint(server, endpoints.importDownloadFile, ({params, query, body, caller}) =>
    storeOf(params.site).importFile(
      {name: params.file, by: caller.name, replace: query.replace === 'yes'},
      body,
    ),
  );
  registerEndpoint(server, endpoints.deleteDownloadFile, async ({params}) => {
    await storeOf(params.site).deleteFile(params.file);
    return {};
  });

  registerEndpoint(server, endpoints.openPackages, async ({params}) => {
    const store = storeOf(params.site);
    const expired = await store.maintain();
    return {packages: (await store.list()).map(withExpiry), expired: [...expired]};
  });
  registerEndpoint(server, endpoints.createPackage, async ({params, body, caller}) => {
    const store = storeOf(params.site);
    await store.maintain();
    const created = withExpiry(await store.create(body.name, caller.name, body.attributes));
    lookForExpired();
    return created;
  });
  registerEndpoint(server, endpoints.editPackage, async ({params, body, caller}) => {
    const store = await managed(storeOf(params.site), params.package, caller);
    const edited = withExpiry(await store.edit(params.package, body.attributes, body.clear));
    lookForExpired();
    return edited;
  });
  registerEndpoint(server, endpoints.assignFiles, async ({params, body, caller}) => {
    const store = await managed(storeOf(params.site), params.package, caller);
    if (body.add.length + body.remove.length === 0) return withExpiry(await store.rebuild(params.package));
    return withExpiry(await store.assign(params.package, body));
  });
  registerEndpoint(server, endpoints.deletePackage, async ({params, caller}) => {
    const store = await managed(storeOf(params.site), params.package, caller);
    await store.delete(params.package);
    return {};
  });
  registerEndpoint(server, endpoints.linkPackage, async ({params, body, caller}) => {
    const store = await managed(storeOf(params.site), params.package, caller);
    const entry = await store.show(params.package);
    if (!entry.attributes.links)
      throw new OperatorError('ROLE_REFUSED', `Package ${entry.name} allows no links.`, {
        hint: 'An operator allows them: `lockstep package edit SERVER/SITE NAME --links yes`.',
      });
    const expiresMs = Date.now() + body.ttlMs;
    return {
      path: links.sign(params.site, entry.name, expiresMs),
      expiresAt: new Date(expiresMs).toISOString(),
    };
  });

  registerEndpoint(server, endpoints.describePackage, async ({params, caller}) => {
    const entry = await storeOf(params.site).show(params.package);
    mayDownload(entry, caller, params.site);
    return withExpiry(entry);
  });
  registerEndpoint(server, endpoints.fetchPackage, async ({params, query, caller}) => {
    const {path, entry} = await storeOf(params.site).archive(params.package);
    mayDownload(entry, caller, params.site);
    return createReadStream(path, {start: Number(query.from), highWaterMark: 256 * 1024});
  });

  server.fastify.route<{
    Params: {site: string; package: string};
    Querystring: {expires?: string; signature?: string};
  }>({
    method: ['GET', 'HEAD'],
    url: archivePath(':site', ':package').replaceAll('%3A', ':'),
    handler: async (request, reply) => {
      const {site, package: name} = request.params;
      const linked = links.verify(site, name, request.query, Date.now());
      // A wrong or expired link is nobody, whatever it leads to.
      const caller = linked ? undefined : identifyCaller(request.raw, 'pinned', server.pins);
      if (caller !== undefined) server.callers.set(request, caller);
      const {path, entry} = await storeOf(site).archive(name);
      if (caller !== undefined) mayDownload(entry, caller, site);
      else if (!entry.attributes.links)
        throw new OperatorError('IDENTITY_REFUSED', `Package ${name} allows no links any more.`);
      return serve(request, reply, path, entry);
    },
  });
}

async function serve(
  request: FastifyRequest,
  reply: FastifyReply,
  path: string,
  {name, archive}: Package & {archive: NonNullable<Package['archive']>},
): Promise<FastifyReply> {
  const {statusCode, headers, stream} = await send(request.raw, encodeURIComponent(basename(path)), {
    root: dirname(path),
    etag: false,
    cacheControl: false,
    dotfiles: 'allow',
  });
  return reply
    .code(statusCode)
    .headers(headers)
    .header('etag', `"${archive.sha256}"`)
    .header('repr-digest', `sha-256=:${Buffer.from(archive.sha256, 'hex').toString('base64')}:`)
    .header('content-type', 'application/zip')
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(`${name}.zip`)}`)
    .header('x-content-type-options', 'nosniff')
    .send(stream);
}

function withExpiry(entry: PackageListing): PackageListing & {expires?: string} {
  const expires = expiryOf(entry);
  return expires === undefined ? entry : {...entry, expires};
}

/** The store, once it is clear that the caller may change the package (P6). */
async function managed(store: PackageStore, name: string, caller: Caller): Promise<PackageStore> {
  await store.maintain();
  const {attributes} = await store.show(name);
  if (caller.role !== 'admin' && attributes.managers.length > 0 && !isNamed(attributes.managers, caller))
    throw new OperatorError('ROLE_REFUSED', `${caller.name} may not manage package ${name}.`, {
      hint: `Its managers are ${attributes.managers.join(', ')}, and every administrator.`,
    });
  return store;
}

function mayDownload({name, attributes}: Package, caller: Caller, site: string): void {
  if (caller.role === 'admin') return;
  if (caller.role === 'peer' && !caller.sites.includes(site) && !isNamed(attributes.downloaders, caller))
    throw new OperatorError('SITE_REFUSED', `${caller.name} may not download package ${name}.`, {
      hint: `\`lockstep package edit SERVER/${site} ${name} --downloaders ${caller.name}\` lets it.`,
    });
  if (attributes.downloaders.length === 0 || isNamed(attributes.downloaders, caller)) return;
  throw new OperatorError('ROLE_REFUSED', `${caller.name} may not download package ${name}.`, {
    hint: 'Who may is set with `lockstep package edit SERVER/SITE NAME --downloaders`.',
  });
}
