#!/usr/bin/env node
// Plain old JavaScript on purpose: an old Node must be able to parse this file and say what is needed.
'use strict';

var path = require('path');
var fs = require('fs');

var needed = [24, 15];
var running = process.versions.node.split('.').map(Number);
var tooOld = running[0] < needed[0] || (running[0] === needed[0] && running[1] < needed[1]);
var root = path.join(__dirname, '..', '..');
var entry = entryOf(root);
var data = dataOf(process.argv);

function refuse(code, message, hint) {
  var json = process.argv.indexOf('--json') !== -1;
  process.stderr.write(
    json
      ? JSON.stringify({error: {code: code, message: message, hint: hint}}) + '\n'
      : 'lockstep: ' + message + '\n  ' + hint + '\n',
  );
  process.exit(1);
}

if (tooOld) {
  refuse(
    'NODE_TOO_OLD',
    'needs Node.js ' + needed.join('.') + ' or newer; this is ' + process.versions.node + '.',
    fs.existsSync(path.join(root, 'node_modules', 'node'))
      ? 'This folder has a right one: `npx lockstep ...` or `node_modules/.bin/node source/bin/lockstep.cjs ...`.'
      : 'Install a newer Node.js, or run `npm ci` in a checkout, which brings its own.',
  );
} else if (!fs.existsSync(entry)) {
  refuse('NOT_BUILT', 'is not built yet.', 'Run `npm ci` in ' + root + '.');
} else {
  if (isAgentRun(process.argv)) startAgent(data);
  // What is done to the data of an agent is done by the version that works with it.
  else start(data === undefined ? root : require('./agent-program.cjs').choose(data, root).root);
}

function entryOf(folder) {
  return path.join(folder, 'dist', 'program', 'main.js');
}

function start(folder) {
  keepCompiled();
  import(require('url').pathToFileURL(entryOf(folder)).href).catch(error => {
    process.stderr.write(String((error && error.stack) || error) + '\n');
    process.exit(1);
  });
}

/** Node keeps what it has compiled with the user, not in a temporary folder that everybody may write to. */
function keepCompiled() {
  try {
    require('module').enableCompileCache(process.env.NODE_COMPILE_CACHE || path.join(caches(), 'lockstep'));
  } catch (_) {
    // A user without a home: it only starts slower.
  }
}

function caches() {
  var home = require('os').homedir();
  if (process.platform === 'win32' && process.env.LOCALAPPDATA) return process.env.LOCALAPPDATA;
  if (process.platform === 'darwin') return path.join(home, 'Library', 'Caches');
  return process.env.XDG_CACHE_HOME || path.join(home, '.cache');
}

/** Starts the version that the agent was updated to, or the installed one (U13). */
function startAgent(data) {
  giveMemoryBack();
  if (process.env.LOCKSTEP_TRIAL) {
    // Whoever watches over this process is gone: the next start decides anew.
    process.on('disconnect', () => process.exit(1));
    return start(process.env.LOCKSTEP_TRIAL);
  }
  if (data === undefined) return start(root);
  var program = require('./agent-program.cjs');
  var chosen = program.choose(data, root);
  if (chosen.trial) return program.tryOut(data, chosen.root, chosen.trial, () => startAgent(data));
  // Says to the agent that it can be updated: somebody is there to start another version.
  process.env.LOCKSTEP_LAUNCHED = '1';
  start(chosen.root);
}

function isAgentRun(args) {
  var at = args.indexOf('agent');
  return at !== -1 && args[at + 1] === 'run';
}

/** The data folder of an agent; undefined for commands about none. */
function dataOf(args) {
  var at = args.indexOf('--data');
  if (at !== -1 && args[at + 1]) return path.resolve(args[at + 1]);
  var joined = args.find(arg => arg.indexOf('--data=') === 0);
  return joined && path.resolve(joined.slice('--data='.length));
}

/**
 * The memory of what SQLite and TLS let go lies scattered between other things, and glibc keeps it. Told so when a
 * process starts, glibc takes whatever has more than a few pages from the system by itself and returns it at once; what
 * is smaller is returned when work has ended (system/return-freed-memory.ts). So the agent starts once more in its own
 * place, with the same process id.
 */
function giveMemoryBack() {
  var settings = {MALLOC_MMAP_THRESHOLD_: '20480', MALLOC_TRIM_THRESHOLD_: '131072'};
  var names = Object.keys(settings);
  if (names.every(name => process.env[name] === settings[name])) {
    // The programs that the agent starts decide for themselves.
    names.forEach(name => delete process.env[name]);
    return;
  }
  // Whoever has settings of their own keeps them; a channel to a parent would not survive.
  var hasOwn =
    names.some(name => process.env[name] !== undefined) || process.env.GLIBC_TUNABLES !== undefined;
  if (process.platform !== 'linux' || !process.execve || process.channel || hasOwn) return;
  process.execve(
    process.execPath,
    [process.execPath].concat(process.execArgv, process.argv.slice(1)),
    Object.assign({}, process.env, settings),
  );
}
