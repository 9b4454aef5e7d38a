/** Files that take minutes begin first, so that none of them is left over alone when all others are done. */
const longest = ['/faults/walk-', '/end-to-end/', '/console/every-screen', '/agent/database/'];

const rank = file => {
  const found = longest.findIndex(part => file.replaceAll('\\', '/').includes(part));
  return found === -1 ? longest.length : found;
};

export default {
  files: ['dist/test/**/*.test.js'],
  timeout: '10m',
  concurrency: 4,
  sortTestFiles: (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
};
