import {formatSize} from '../../core/byte-size.js';
import type {ReleaseEntry} from '../../engine/releases.js';
import {formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {push} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {textInput} from '../text-input.js';
import {drawList} from '../view/draw-list.js';
import {dim, line} from '../view/lines.js';
import {releaseScreen} from './release.js';
import {releaseFormScreen} from './release-form.js';
import {releaseKeyScreen} from './release-key.js';
import {releaseSignScreen} from './release-sign.js';
import {releaseVerifyScreen} from './release-verify.js';
import {rolloutFormScreen} from './rollout-form.js';

export type ReleasesScreen = {readonly kind: 'releases'; readonly id: number; readonly list: ListState};

export function releasesScreen(): Omit<ReleasesScreen, 'id'> {
  return {kind: 'releases', list: emptyList};
}

/** What servers can be updated to (U2). */
export const releases: ScreenDefinition<ReleasesScreen> = {
  title: () => 'releases',
  context: () => ({left: line(dim(' what servers can be updated to; u makes a rollout of one'))}),
  needs: ['releases', 'rollouts', 'servers', 'clusters'],
  list: (screen, model) => ({
    spec: releaseList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  bindings: [
    {
      keys: ['enter', 'right', 'l'],
      label: 'open',
      description: 'Manifest, signature and files of the release under the cursor',
      disabledBecause: noRelease,
      run: (model, screen) => step(push(model, releaseScreen(chosen(model, screen)!.id))),
    },
    {
      keys: ['n', 'a'],
      label: 'add',
      description: 'Make a release known: an archive, a folder, an address or a package',
      run: model => step(push(model, releaseFormScreen())),
    },
    {
      keys: ['s'],
      label: 'sign',
      description: 'Sign the release under the cursor, or take a signature that was made elsewhere',
      disabledBecause: noRelease,
      run: (model, screen) => step(push(model, releaseSignScreen(chosen(model, screen)!.id))),
    },
    {
      keys: ['v'],
      label: 'verify',
      description: 'Look whether the release under the cursor is signed with a key that you name',
      disabledBecause: (model, screen) => noRelease(model, screen) ?? unsignedBecause(chosen(model, screen)),
      run: (model, screen) => step(push(model, releaseVerifyScreen(chosen(model, screen)!.id))),
    },
    {
      keys: ['u'],
      label: 'roll out',
      description: 'Describe a rollout of the release under the cursor; that starts nothing',
      disabledBecause: (model, screen) => {
        const release = chosen(model, screen);
        if (release === undefined) return noRelease(model, screen);
        return release.expired ? 'it is expired; no server takes it' : undefined;
      },
      run: (model, screen) => step(push(model, rolloutFormScreen(model, chosen(model, screen)!.id))),
    },
    {
      keys: ['K'],
      label: 'new key',
      description: 'Make a pair of keys to sign releases with',
      run: model => step(push(model, releaseKeyScreen())),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Forget the release under the cursor; servers keep what they run',
      disabledBecause: noRelease,
      run: (model, screen) => step(askReleaseDeletion(model, chosen(model, screen)!.id, false)),
    },
  ],
  draw: (screen, model, area) =>
    drawList(
      releaseList(model),
      screen.list,
      {
        caption: 'releases',
        source: model.data.releases,
        empty: ['No releases yet. n makes one known: a ZIP archive, a folder, an address or a package.'],
        tone: row => (row.problem !== undefined || row.expired ? 'fail' : undefined),
      },
      model,
      area,
    ),
};

const none: readonly ReleaseEntry[] = [];

function releaseList(model: Model): ListSpec<ReleaseEntry> {
  return {
    rows: model.data.releases.value ?? none,
    id: row => row.id,
    columns: [
      {title: 'Release', min: 10, grow: true, text: row => row.id},
      {title: 'Signed by', min: 8, text: signatureText},
      {title: 'From version', min: 4, text: row => row.minimumVersion ?? 'any'},
      {
        title: 'Size',
        min: 7,
        align: 'right',
        sortBy: row => row.archive.sizeBytes,
        text: row => formatSize(row.archive.sizeBytes),
      },
      {
        title: 'Files',
        min: 5,
        align: 'right',
        optional: 3,
        sortBy: row => row.fileCount,
        text: row => String(row.fileCount),
      },
      {title: 'Expires', min: 8, sortBy: row => row.expiresAt ?? '9', text: row => expiryText(row, model)},
      {title: 'Source', min: 8, optional: 2, text: row => row.source},
      {
        title: 'Added',
        min: 8,
        optional: 4,
        sortBy: row => row.addedAt,
        text: row => formatTime(row.addedAt, model.now, model.time),
      },
    ],
  };
}

/** Why there is no signature to look at. */
export function unsignedBecause(release: ReleaseEntry | undefined): string | undefined {
  return release !== undefined && release.signedBy === undefined ? 'it is not signed; s signs it' : undefined;
}

/** Servers decide whether they trust a key; the console only says which one it is. */
export function signatureText({signedBy}: ReleaseEntry): string {
  return signedBy === undefined ? 'warn nobody' : `key ${signedBy}`;
}

/** `never`, or from when on no server takes it. */
export function expiryText({expiresAt, expired}: ReleaseEntry, model: Model): string {
  if (expiresAt === undefined) return 'never';
  return `${expired ? 'fail ' : ''}${formatTime(expiresAt, model.now, model.time)}`;
}

/** A release goes only when its name was typed. */
export function askReleaseDeletion(model: Model, release: string, thenBack: boolean): Model {
  const users = (model.data.rollouts.value ?? []).filter(
    entry => entry.release === release && entry.status !== 'done',
  );
  return {
    ...model,
    overlay: {
      kind: 'confirm',
      question: `Delete the release ${release}?`,
      effects: [
        ['the console', 'forgets its manifest and removes its archive'],
        ['servers', 'keep what they run'],
        ...users.map(({name}) => [`rollout ${name}`, 'cannot be started or gone on with'] as const),
      ],
      typeName: release,
      input: textInput(),
      commands: [{type: 'delete-release', release}],
      thenBack,
    },
  };
}

function chosen(model: Model, screen: ReleasesScreen): ReleaseEntry | undefined {
  return selectedRow(releaseList(model), screen.list);
}

function noRelease(model: Model, screen: ReleasesScreen): string | undefined {
  return chosen(model, screen) === undefined ? 'there is no release in the list' : undefined;
}
