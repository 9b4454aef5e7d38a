import {statfs} from 'node:fs/promises';
import {join} from 'node:path';
import {createFaultPoint, type FaultPoint} from '../../core/fault-point.js';
import type {FileRecord} from '../../core/item.js';
import {OperatorError} from '../../core/operator-error.js';
import {Mutex} from '../../system/mutex.js';
import {onSettle} from '../memory.js';
import type {SiteFiles} from '../site/ports.js';
import {FileCommit} from './file-commit.js';
import {FileHistory} from './file-history.js';
import {FileIndex, isDamage} from './file-index.js';
import {foldsNames} from './folds-names.js';
import {toRecord} from './indexed-item.js';
import {listFolder} from './list-folder.js';
import {openContent} from './open-content.js';
import {scanFiles} from './scan.js';
import {SharedScan} from './shared-scan.js';
import {SiteRoot} from './site-root.js';

export type SiteFilesOptions = {
  /** The site's folder in the agent's data; `index.db`, `history.db` and `history/` are kept there. */
  readonly dataFolder: string;
  readonly root: string;
  /** Absolute paths that are never indexed nor written: the site's database with its companions. */
  readonly excluded: readonly string[];
  /** Of the site, for messages. */
  readonly name: string;
  readonly faultPoint?: FaultPoint;
};

/**
 * Opens the files of a site. A damaged or missing index is started anew, with another epoch and replica.
 * Scans and commits take turns; everything else answers at any time.
 */
export async function openSiteFiles(options: SiteFilesOptions): Promise<SiteFiles> {
  const indexFile = join(options.dataFolder, 'index.db');
  const root = new SiteRoot(options.root, [...options.excluded, options.dataFolder]);
  let index = FileIndex.open(indexFile);
  const history = FileHistory.open(options.dataFolder);
  const faultPoint = options.faultPoint ?? createFaultPoint({}, () => {});
  const turns = new Mutex();
  let closed = false;
  const forget = onSettle(() => {
    index.shrink();
    history.shrink();
  });
  const now = () => BigInt(Date.now()) * 1_000_000n;

  const scanner = new SharedScan(turns, async (signal, progress, acceptRoot) => {
    const scan = () => scanFiles(index, root, {signal, progress, acceptRoot, now});
    let outcome: Awaited<ReturnType<typeof scan>>;
    try {
      outcome = await scan();
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      startAnew();
      outcome = await scan();
    }
    return {...outcome, position: index.position(), live: index.live};
  });

  function startAnew(): void {
    try {
      index.close();
    } catch {
      // It is damaged; what it cannot flush is gone.
    }
    FileIndex.remove(indexFile);
    index = FileIndex.open(indexFile);
  }

  const commit = (runId: string, step: string, folder: string, staged: (digest: string) => string) =>
    new FileCommit({index, root, history, turns, faultPoint, runId, step, folder, staged});

  return {
    get replica() {
      return index.replica;
    },
    scan: scanOptions => scanner.join(scanOptions),
    position: () => index.position(),
    changes: since => index.changes(since),
    lookUp(ref) {
      const item = index.get(ref.path);
      return item === undefined ? undefined : toRecord(item);
    },
    count(accepts) {
      let count = 0;
      for (const [path, kind] of index.liveKinds()) if (accepts(path, kind === 'folder')) count += 1;
      return count;
    },
    inside: path => index.descendants(path),
    list: (folder, limit) => listFolder(root, folder, limit),
    foldsNames: () => foldsNames(options.root),
    async freeBytes() {
      try {
        const {bavail, bsize} = await statfs(options.root);
        return bavail * bsize;
      } catch (cause) {
        throw new OperatorError('ROOT_MISSING', `The root of site ${options.name} cannot be looked at.`, {
          cause,
          hint: `Check that ${options.root} exists and is mounted.`,
        });
      }
    },
    findByDigest(digest): FileRecord | undefined {
      for (const item of index.filesWithDigest(digest)) {
        const stat = statOrNothing(root, item.path);
        // Whoever copies it checks the content; this only spares looking at what has surely changed.
        if (stat?.isFile() && stat.size === BigInt(item.size)) return toRecord(item);
      }
      return undefined;
    },
    openContent: ref => openContent(root, ref),
    beginCommit: ({runId, step, folder, operations, staged, progress}) =>
      commit(runId, step, folder, staged).participant(operations, progress),
    recoverCommit: ({runId, step, folder, staged, decision}) =>
      commit(runId, step, folder, staged).recover(decision),
    history,
    async close() {
      await turns.run(async () => {
        if (closed) return;
        closed = true;
        forget();
        index.close();
        history.close();
      });
    },
  };
}

function statOrNothing(root: SiteRoot, path: string): ReturnType<SiteRoot['stat']> {
  try {
    return root.stat(path);
  } catch {
    return undefined;
  }
}
