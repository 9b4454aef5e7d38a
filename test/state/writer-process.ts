import {openStateFile} from '../../source/state/state-file.js';

/* A process of its own that adds servers to a state, for the tests of writing at once. */

const [home = '', name = '', count = '0'] = process.argv.slice(2);
const state = await openStateFile(home);
for (let index = 0; index < Number(count); index += 1) {
  await state.change(draft => {
    draft.servers.push({
      name: `${name}${index}`,
      url: 'https://127.0.0.1:8732',
      fingerprint: '0'.repeat(64),
      role: 'admin',
      addedAt: '2026-01-01T00:00:00.000Z',
      sites: [],
    });
  });
  process.send?.(index);
}
process.disconnect();
