import {formatSize} from '../../core/byte-size.js';
import type {ReleaseFile, ReleaseManifest} from '../../core/release.js';
import type {ReleaseEntry} from '../../engine/releases.js';
import {formatCount, formatTime} from '../format.js';
import {emptyList, type ListSpec, type ListState} from '../list.js';
import {type Model, type Step, step} from '../model.js';
import {push, replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {type Loadable, notLoaded} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {bold, cut, dim, type Line, line, marker} from '../view/lines.js';
import {releaseSignScreen} from './release-sign.js';
import {releaseVerifyScreen} from './release-verify.js';
import {askReleaseDeletion, expiryText, signatureText, unsignedBecause} from './releases.js';
import {rolloutFormScreen} from './rollout-form.js';

export type ReleaseScreen = {
  readonly kind: 'release';
  readonly id: number;
  readonly release: string;
  readonly list: ListState;
  readonly shown: Loadable<ReleaseEntry & Pick<ReleaseManifest, 'files'>>;
};

export function releaseScreen(release: string): Omit<ReleaseScreen, 'id'> {
  return {kind: 'release', release, list: emptyList, shown: notLoaded};
}

/** One release: its manifest, who signed it, and every file. */
export const release: ScreenDefinition<ReleaseScreen> = {
  title: screen => screen.release,
  context: screen => ({
    left: line(bold(` ${screen.release}`), dim('   what the console keeps of it is compared each time')),
  }),
  needs: ['rollouts'],
  refresh: read,
  // The whole archive is read for it, which may be large.
  refreshEveryMs: () => 600_000,
  list: screen => ({spec: fileList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (screen, model) => Math.max(1, model.rows - 9 - factsOf(screen, model, model.columns).length),
  bindings: [
    {
      keys: ['s'],
      label: 'sign',
      description: 'Sign the release, or take a signature that was made elsewhere over its manifest',
      run: (model, screen) => step(push(model, releaseSignScreen(screen.release))),
    },
    {
      keys: ['v'],
      label: 'verify',
      description: 'Look whether the release is signed with a key that you name',
      disabledBecause: (_model, {shown}) => unsignedBecause(shown.value),
      run: (model, screen) => step(push(model, releaseVerifyScreen(screen.release))),
    },
    {
      keys: ['u'],
      label: 'roll out',
      description: 'Describe a rollout of the release; that starts nothing',
      disabledBecause: (_model, {shown}) => (shown.value?.expired ? 'it is expired' : undefined),
      run: (model, screen) => step(push(model, rolloutFormScreen(model, screen.release))),
    },
    {
      keys: ['D'],
      label: 'delete',
      description: 'Forget the release; servers keep what they run',
      run: (model, screen) => step(askReleaseDeletion(model, screen.release, true)),
    },
    {
      keys: ['R'],
      label: 'read again',
      description: 'Read the release again, and compare its archive',
      run: (model, screen) => read(screen, model),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'release-shown') {
      const shown = {loading: false, value: answer.release, at: answer.at};
      return step(replaceScreen(model, {...screen, shown}));
    }
    return answer.kind === 'fault'
      ? step(replaceScreen(model, {...screen, shown: {...screen.shown, loading: false, fault: answer.fault}}))
      : step(model);
  },
  draw: (screen, model, area) => {
    const facts = factsOf(screen, model, area.width);
    return [
      {kind: 'lines', lines: facts},
      ...drawList(
        fileList(screen),
        screen.list,
        {caption: 'files', source: screen.shown, empty: ['The release has no files.']},
        model,
        {width: area.width, height: area.height - facts.length},
      ),
    ];
  },
};

function read(screen: ReleaseScreen, model: Model): Step {
  if (screen.shown.loading) return step(model);
  return step(replaceScreen(model, {...screen, shown: {...screen.shown, loading: true}}), {
    type: 'show-release',
    screen: screen.id,
    release: screen.release,
  });
}

function factsOf({shown: {value}}: ReleaseScreen, model: Model, width: number): Line[] {
  if (value === undefined) return [];
  const fact = (label: string, text: string): Line =>
    line(dim(` ${label.padEnd(13)}`), cut(text, width - 15));
  const added = formatTime(value.addedAt, model.now, model.time);
  return [
    ...(value.problem === undefined
      ? []
      : [line(' ', marker('fail'), cut(` ${value.problem}; delete it and add it again`, width - 6))]),
    fact('Signed by', value.signedBy === undefined ? 'warn nobody; s signs it' : signatureText(value)),
    fact('From version', value.minimumVersion ?? 'any that is not newer'),
    fact('Expires', expiryText(value, model)),
    fact('Source', value.source),
    fact('Archive', `${formatSize(value.archive.sizeBytes)}  sha256 ${value.archive.sha256}`),
    fact('Unpacked', `${formatCount(value.fileCount)} files, ${formatSize(value.unpackedBytes)}`),
    ...(value.strip === undefined ? [] : [fact('Left away', `the folder ${value.strip}`)]),
    fact('Added', `${added} by ${value.by}`),
    fact('Manifest', value.manifestPath),
  ];
}

const none: readonly ReleaseFile[] = [];

function fileList({shown: {value}}: ReleaseScreen): ListSpec<ReleaseFile> {
  return {
    rows: value?.files ?? none,
    id: row => row.path,
    columns: [
      {title: 'File', min: 16, grow: true, text: row => row.path},
      {
        title: 'Size',
        min: 7,
        align: 'right',
        sortBy: row => row.sizeBytes,
        text: row => formatSize(row.sizeBytes),
      },
      {title: 'Mode', min: 4, text: row => row.mode.toString(8).padStart(3, '0')},
      {title: 'SHA-256', min: 12, optional: 2, text: row => row.sha256.slice(0, 16)},
    ],
  };
}
