import {formatSize} from '../../core/byte-size.js';
import type {ReleaseDefinition, ReleaseOrigin, ReleaseSigning} from '../../engine/releases.js';
import type {CommandContext, Handlers} from './context.js';
import {typedPath} from './typed-path.js';

/** What screens ask of releases (U2). Paths are as they are typed; `~/` is the operator's own folder. */
export type ReleaseCommand =
  | {readonly type: 'show-release'; readonly screen: number; readonly release: string}
  | {readonly type: 'add-release'; readonly screen: number; readonly definition: ReleaseDefinition}
  | {
      readonly type: 'sign-release';
      readonly screen: number;
      readonly release: string;
      readonly signing:
        | {readonly kind: 'secret-key'; readonly file: string; readonly password?: string}
        | {readonly kind: 'signature'; readonly file: string};
    }
  | {
      readonly type: 'verify-release';
      readonly screen: number;
      readonly release: string;
      /** As it was typed: the key itself or its file. */
      readonly publicKey: string;
    }
  | {readonly type: 'create-release-key'; readonly screen: number; readonly file: string}
  | {readonly type: 'delete-release'; readonly release: string};

export const releaseHandlers: Handlers<ReleaseCommand['type']> = {
  async 'show-release'({releases}, {screen, release}, {answer, now}) {
    answer(screen, {kind: 'release-shown', release: await releases.show(release), at: now()});
  },

  async 'add-release'({releases}, {screen, definition}, context) {
    const added = await releases.add(
      {...definition, origin: originOf(definition.origin), signing: signingOf(definition.signing)},
      {onProgress: progressOf(screen, context)},
    );
    const signed = added.signedBy === undefined ? 'not signed' : `signed with the key ${added.signedBy}`;
    context.answer(screen, {
      kind: 'saved',
      text: `${added.id} has ${added.fileCount} files in ${formatSize(added.archive.sizeBytes)}, ${signed}.`,
    });
  },

  async 'sign-release'({releases}, {screen, release, signing}, {answer}) {
    const {signedBy} = await releases.sign(release, {...signing, file: typedPath(signing.file)});
    answer(screen, {kind: 'saved', text: `${release} is signed with the key ${signedBy}.`});
  },

  async 'verify-release'({releases}, {screen, release, publicKey}, {answer}) {
    // A key may hold slashes, too.
    const key = publicKey.startsWith('~/') ? typedPath(publicKey) : publicKey;
    answer(screen, {kind: 'release-verified', ...(await releases.verify(release, key))});
  },

  async 'create-release-key'({releases}, {screen, file}, {answer}) {
    answer(screen, {kind: 'key-made', ...(await releases.createKey(typedPath(file)))});
  },

  async 'delete-release'({releases}, {release}, {tell}) {
    await releases.delete(release);
    tell({type: 'changed', text: `Release ${release} is forgotten.`, reload: ['releases']});
  },
};

/** A progress that changes faster than people read only costs frames, milliseconds. */
const tellEveryMs = 250;

function progressOf(screen: number, {answer, now}: CommandContext) {
  let toldAt = 0;
  return (stage: string, doneBytes: number, totalBytes: number | undefined) => {
    if (now() - toldAt < tellEveryMs) return;
    toldAt = now();
    const of = totalBytes === undefined ? '' : ` of ${formatSize(totalBytes)}`;
    answer(screen, {kind: 'working', text: `${stage} ${formatSize(doneBytes)}${of}`});
  };
}

function originOf(origin: ReleaseOrigin): ReleaseOrigin {
  return origin.kind === 'path' ? {...origin, path: typedPath(origin.path)} : origin;
}

function signingOf(signing: ReleaseSigning): ReleaseSigning {
  switch (signing.kind) {
    case 'none':
      return signing;
    case 'secret-key':
      return {...signing, file: typedPath(signing.file)};
    case 'signed-manifest':
      return {
        ...signing,
        manifest: typedPath(signing.manifest),
        ...(signing.signature === undefined ? {} : {signature: typedPath(signing.signature)}),
      };
  }
}
