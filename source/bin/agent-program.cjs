// Which program an agent is started with: the installed one, or a newer one that it was updated to (U13). Plain old
// JavaScript like the launcher, and as steady: the installed launcher starts every later version.
'use strict';

var childProcess = require('child_process');
var fs = require('fs');
var path = require('path');

/** Ends a process that is to be started anew in its place. */
var RESTART = 75;
/** Starts of a new version that ended before it was decided for, by a power cut or by hand. */
var MOST_TRIES = 3;
/** Characters of its last words that are kept of a version that did not start. */
var LAST_WORDS = 2000;

/**
 * What an agent's data folder says of its program:
 * - `program/current`: the version that it was updated to, in place of the installed one while that is not newer;
 * - `program/current_oldNNNN`: the version before, during an update;
 * - `program/trial.json`: {update, limitMs, tries, failed}; a new version is tried, and why it failed.
 * @returns {root, trial?}; root is the folder of the program
 */
function choose(data, installed) {
  var base = path.join(data, 'program');
  var current = path.join(base, 'current');
  var trial = read(path.join(base, 'trial.json'));
  if (trial && !trial.failed && isProgram(current)) return {root: current, trial: trial};
  var marker = read(path.join(current, '.lockstep-update.json'));
  var isBad = trial && trial.failed && marker && marker.part === 'new';
  var root = isProgram(current) && !isBad ? current : newestOld(base);
  return {root: root && isNewer(versionOf(root), versionOf(installed)) ? root : installed};
}

function newestOld(base) {
  var names = [];
  try {
    names = fs.readdirSync(base);
  } catch (_) {
    // Never updated.
  }
  var old = names.filter(name => /^current_old\d{4}$/.test(name)).sort();
  return old
    .map(name => path.join(base, name))
    .filter(isProgram)
    .pop();
}

function isProgram(folder) {
  return versionOf(folder) !== undefined;
}

function versionOf(folder) {
  return (read(path.join(folder, 'package.json')) || {}).version;
}

/** By numbers; a pre-release comes before its version. */
function isNewer(first, second) {
  var parts = text => text.split('-')[0].split('.').map(Number);
  var a = parts(first);
  var b = parts(second);
  var at = [0, 1, 2, 3].find(i => (a[i] || 0) !== (b[i] || 0));
  if (at !== undefined) return (a[at] || 0) > (b[at] || 0);
  var suffix = text => text.slice(text.split('-')[0].length);
  if (suffix(first) === '' || suffix(second) === '') return suffix(first) === '' && suffix(second) !== '';
  return suffix(first) > suffix(second);
}

function read(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (_) {
    return undefined;
  }
}

/**
 * Starts a new version in a process of its own and watches it, so that one that crashes or hangs leaves somebody who
 * starts the old one. It ends by itself once it was decided for, or taken back.
 * @param again is called when the choice is to be made anew
 */
function tryOut(data, root, trial, again) {
  var file = path.join(data, 'program', 'trial.json');
  var save = changes => {
    // Gone or another one: it was decided while the process ended.
    var now = read(file);
    if (!now || now.update !== trial.update) return;
    var handle = fs.openSync(file + '.new', 'w', 0o600);
    fs.writeSync(handle, JSON.stringify(Object.assign(now, changes)) + '\n');
    fs.fsyncSync(handle);
    fs.closeSync(handle);
    fs.renameSync(file + '.new', file);
  };
  var tries = (trial.tries || 0) + 1;
  if (tries > MOST_TRIES) {
    save({failed: 'it was started ' + MOST_TRIES + ' times, and ended each time before it was decided for'});
    return again();
  }
  save({tries: tries});
  var child = childProcess.spawn(process.execPath, process.execArgv.concat(process.argv.slice(1)), {
    env: Object.assign({}, process.env, {LOCKSTEP_TRIAL: root}),
    stdio: ['inherit', 'inherit', 'pipe', 'ipc'],
  });
  var words = '';
  child.stderr.setEncoding('utf8').on('data', text => {
    words = (words + text).slice(-LAST_WORDS);
    process.stderr.write(text);
  });
  var asked = false;
  var late = false;
  var stop = signal => {
    asked = true;
    // A terminal tells both.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  var signals = ['SIGTERM', 'SIGHUP', 'SIGINT'];
  signals.forEach(signal => process.on(signal, stop));
  var timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, trial.limitMs);
  var ended = false;
  var end = (code, signal, error) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (asked && !late) process.exit(code === null ? 1 : code);
    signals.forEach(name => process.removeListener(name, stop));
    var how = late
      ? 'it was not decided for within ' + trial.limitMs / 1000 + ' s'
      : 'it ended with ' + (signal || 'status ' + code);
    if (code !== RESTART) {
      if (error) how = error.message;
      save({failed: how + (words.trim() === '' ? '' : '; it said: ' + words.trim())});
    }
    again();
  };
  child.on('error', error => end(1, null, error));
  child.on('close', (code, signal) => end(code, signal));
}

module.exports = {choose: choose, tryOut: tryOut};
