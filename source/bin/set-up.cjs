// Runs before `npm test`, `npm run demo` and `npm run bench`: installs what the lock file names if it is not there, then
// builds. npm itself calls it with `installed` when it has installed (`prepare`): whatever installed, it is not done twice.
'use strict';

var childProcess = require('child_process');
var fs = require('fs');
var path = require('path');

var root = path.join(__dirname, '..', '..');
var lock = path.join(root, 'package-lock.json');
var stamp = path.join(root, 'node_modules', '.set-up');

if (process.argv[2] === 'installed') {
  build();
  // Without what builds (`--omit=dev`), `npm test` still has to install.
  if (fs.existsSync(path.join(root, 'node_modules', 'typescript'))) fs.copyFileSync(lock, stamp);
} else if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== fs.readFileSync(lock, 'utf8')) {
  // A script must not see npm's chatter on stdout.
  run('npm', ['ci', '--ignore-scripts=false', '--loglevel=error'], [0, 2, 2]);
} else {
  build();
}

function build() {
  run(process.execPath, [path.join(__dirname, 'build.cjs')], [0, 2, 2]);
}

function run(command, args, stdio) {
  var result = childProcess.spawnSync(command, args, {
    cwd: root,
    stdio: stdio,
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    process.stderr.write('set-up: `' + command + ' ' + args.join(' ') + '` failed\n');
    process.exit(result.status || 1);
  }
}
