import {createHash} from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {openSiteFiles} from '../../../source/agent/files/site-files.js';
import type {FilesParticipant, SiteFiles} from '../../../source/agent/site/ports.js';
import type {FaultPoint} from '../../../source/core/fault-point.js';
import type {FileRecord} from '../../../source/core/item.js';
import {unpackOutcomes} from '../../../source/core/outcome-runs.js';
import type {Expectation, Operation} from '../../../source/core/plan.js';
import type {OperationOutcome} from '../../../source/core/site-description.js';

/** A site root with its files opened, in a temporary folder, and what tests of them need again and again. */
export type World = {
  readonly folder: string;
  readonly root: string;
  readonly dataFolder: string;
  files: SiteFiles;
  /** A commit was cut off: whoever holds the files open is gone and holds no turn any more. */
  crashed: boolean;
  /** Writes a file of the site, with the folders above it. */
  write(path: string, content?: string): void;
  remove(path: string): void;
  /** Scans and answers what changed since the last call. */
  changed(): Promise<FileRecord[]>;
  record(path: string): FileRecord | undefined;
  /** Opens anew; after a `crash` without closing first. */
  reopen(options?: {faultPoint?: FaultPoint; excluded?: string[]}): Promise<void>;
  /** Stages content and answers its digest. */
  stage(content: string | Buffer): string;
  begin(operations: Operation[], step?: string): FilesParticipant;
  /** A whole commit. */
  commit(operations: Operation[], step?: string): Promise<readonly OperationOutcome[]>;
  recover(decision: 'finish' | 'undo', step?: string): Promise<void>;
  /** Everything in the root: path → what is there, without times. */
  tree(): Record<string, string>;
  close(): Promise<void>;
};

export const runId = '20260101-000000-abcdef';

export async function createWorld(
  options: {excluded?: string[]; faultPoint?: FaultPoint; dataIn?: string} = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-files-'));
  const root = join(folder, 'root');
  const dataFolder =
    options.dataIn === undefined ? join(folder, 'data') : mkdtempSync(join(options.dataIn, 'lockstep-data-'));
  const staging = join(root, `.lockstep-${runId}`);
  mkdirSync(root);
  const open = (more: {faultPoint?: FaultPoint; excluded?: string[]} = {}) =>
    openSiteFiles({dataFolder, root, excluded: [], name: 'main', ...options, ...more});
  const stagedPath = (digest: string) => join(staging, digest);
  const notesFolder = (step: string) => join(folder, `notes-${step}`);
  let position = {epoch: '', seq: 0};
  const world: World = {
    folder,
    root,
    dataFolder,
    files: await open(),
    crashed: false,
    write(path, content = path) {
      mkdirSync(dirname(join(root, path)), {recursive: true});
      writeFileSync(join(root, path), content);
    },
    remove: path => rmSync(join(root, path), {recursive: true}),
    async changed() {
      const {position: now} = await world.files.scan({});
      const changed = [...world.files.changes(position)];
      position = now;
      return changed;
    },
    record: path => world.files.lookUp({type: 'file', path}),
    async reopen(more) {
      if (!world.crashed) await world.files.close();
      world.crashed = false;
      world.files = await open(more);
    },
    stage(content) {
      mkdirSync(staging, {recursive: true});
      const digest = sha256(content);
      writeFileSync(stagedPath(digest), content);
      return digest;
    },
    begin(operations, step = 'main') {
      mkdirSync(notesFolder(step), {recursive: true});
      return world.files.beginCommit({
        runId,
        step,
        folder: notesFolder(step),
        operations: () => operations.map((operation, index) => ({index, operation})),
        staged: stagedPath,
      });
    },
    async commit(operations, step) {
      const participant = world.begin(operations, step);
      try {
        const outcomes = [...unpackOutcomes(await participant.prepare({strict: false}))];
        await participant.apply();
        await participant.finish();
        rmSync(staging, {recursive: true, force: true});
        return outcomes;
      } catch (thrown) {
        await participant.undo();
        throw thrown;
      }
    },
    recover: (decision, step = 'main') =>
      world.files.recoverCommit({runId, step, folder: notesFolder(step), staged: stagedPath, decision}),
    tree: () => treeOf(root),
    async close() {
      await world.files.close();
      rmSync(folder, {recursive: true, force: true});
      rmSync(dataFolder, {recursive: true, force: true});
    },
  };
  return world;
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A record as the other side would send it. */
export function incoming(path: string, more: Partial<FileRecord> & {content?: string} = {}): FileRecord {
  const {content = path, ...rest} = more;
  const kind = rest.kind ?? 'file';
  return {
    type: 'file',
    path,
    vector: 'other:1',
    deleted: false,
    seq: 1,
    kind,
    digest: kind === 'folder' ? '' : sha256(content),
    size: kind === 'folder' ? 0 : Buffer.byteLength(content),
    mtime: '1600000000123456789',
    mode: kind === 'folder' ? 0o755 : 0o644,
    ...rest,
  };
}

export const absent: Expectation = {state: 'absent'};

/** What a plan made from this record expects. */
export function asIs(record: FileRecord | undefined): Expectation {
  if (record === undefined) throw new Error('no record');
  return {
    state: 'present',
    kind: record.kind,
    digest: record.digest,
    ...(record.kind === 'link' ? {} : {mode: record.mode}),
  };
}

export function treeOf(root: string): Record<string, string> {
  const tree: Record<string, string> = {};
  const visit = (path: string) => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const inner = path === '' ? name : `${path}/${name}`;
      const stat = lstatSync(join(root, inner));
      const mode = (stat.mode & 0o777).toString(8);
      if (stat.isDirectory()) {
        tree[inner] = `folder ${mode}`;
        visit(inner);
      } else if (stat.isSymbolicLink()) tree[inner] = `link ${readlinkSync(join(root, inner))}`;
      else if (stat.isFile()) tree[inner] = `file ${mode} ${readFileSync(join(root, inner), 'utf8')}`;
      else tree[inner] = 'special';
    }
  };
  visit('');
  return tree;
}

/** A writable folder on another file system than the temporary folder, where there is one. */
export function otherFileSystem(): string | undefined {
  for (const folder of ['/dev/shm', '/var/tmp']) {
    const stat = statSync(folder, {throwIfNoEntry: false});
    if (stat !== undefined && stat.dev !== statSync(tmpdir()).dev) return folder;
  }
  return undefined;
}
