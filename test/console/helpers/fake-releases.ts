import {OperatorError} from '../../../source/core/operator-error.js';
import type {ReleaseEntry, ReleaseVerbs} from '../../../source/engine/releases.js';
import type {FakeWorld} from './fake-engine.js';

export function fakeReleases(): ReleaseEntry[] {
  return ['7.6.7', '7.6.6'].map((version, index) => ({
    id: `shop-${version}`,
    name: 'shop',
    version,
    digest: String(index).repeat(64),
    createdAt: '2026-11-20T09:00:00Z',
    archive: {sizeBytes: 44_000_000, sha256: '4'.repeat(64)},
    unpackedBytes: 120_000_000,
    entries: 3,
    fileCount: 2,
    expired: index === 1,
    source: index === 0 ? 'sent by the console' : 'https://releases.example.com/shop-7.6.6.zip',
    sourceKind: index === 0 ? 'pushed' : 'http',
    addedAt: '2026-11-20T10:00:00Z',
    by: 'anna',
    manifestPath: `/home/anna/.lockstep/releases/shop-${version}/manifest.json`,
    ...(index === 0
      ? {signedBy: 'E7620F1842B4E81F', minimumVersion: '7.0.0'}
      : {expiresAt: '2026-11-21T00:00:00Z'}),
  }));
}

/** Releases without archives: what they are told changes the world, what they did stands in `calls`. */
export function fakeReleaseVerbs(world: FakeWorld): ReleaseVerbs {
  const did = (call: string) => void world.calls.push(call);
  const find = (id: string) => world.releases.find(release => release.id === id) ?? world.releases[0]!;
  const never = async () => {
    throw new Error('no screen asks for this');
  };
  return {
    list: async () => [...world.releases],
    show: async id => ({
      ...find(id),
      files: ['bin/shop', 'lib/\u202eevil.js'].map((path, index) => ({
        path,
        sizeBytes: 60_000_000 * index + 12,
        sha256: '5'.repeat(64),
        mode: index === 0 ? 0o755 : 0o644,
      })),
    }),
    async foresee() {},
    async add(definition) {
      did(`add release ${JSON.stringify(definition)}`);
      const {name, version} = definition;
      const added = {...find(''), id: `${name}-${version}`, name, version};
      world.releases = [...world.releases, added];
      return added;
    },
    async sign(id, signing) {
      did(`sign ${id} ${JSON.stringify(signing)}`);
      return {...find(id), signedBy: 'E7620F1842B4E81F'};
    },
    async verify(id, publicKey) {
      did(`verify ${id} ${publicKey}`);
      if (!publicKey.startsWith('RW'))
        throw new OperatorError('SIGNATURE_REFUSED', `${id} is signed with another key.`);
      return {signedBy: 'E7620F1842B4E81F', trustedComment: 'shop 7.6.7'};
    },
    async delete(id) {
      did(`delete release ${id}`);
      world.releases = world.releases.filter(release => release.id !== id);
    },
    async createKey(file) {
      did(`create key ${file}`);
      return {
        keyId: 'E7620F1842B4E81F',
        publicKey: 'RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3',
        secretFile: file,
        publicFile: `${file}.pub`,
      };
    },
    offer: never,
    bring: never,
  };
}
