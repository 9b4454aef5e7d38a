// Compiles source, test and bench into dist/ with the project's own TypeScript and its own Node.
'use strict';

var childProcess = require('child_process');
var fs = require('fs');
var path = require('path');

var root = path.join(__dirname, '..', '..');
var compiler = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
// Installed as a dependency the package arrives built and without a compiler.
if (!fs.existsSync(compiler)) process.exit(0);

var pinned = path.join(root, 'node_modules', 'node', 'bin', 'node');
var node = fs.existsSync(pinned) ? pinned : process.execPath;
var result = childProcess.spawnSync(node, [compiler, '-p', root], {stdio: 'inherit', cwd: root});
if (result.status !== 0) process.exit(result.status || 1);
['source', 'test', 'bench'].forEach(folder => removeOrphans(path.join(root, 'dist', folder)));
var esbuild = require('esbuild');
/** CommonJS packages that are imported when they are needed: in a bundle their exports would have no names. */
var loadedOnDemand = ['@peculiar/x509', 'basic-ftp', 'nodemailer', 'reflect-metadata', 'yauzl', 'yazl'];
bundleTypebox();
bundleProgram();

/**
 * TypeBox comes as some seven hundred modules; loading them took half of a command's time and 30 MB of an agent. They
 * are made into one file, which `imports` in package.json calls `#typebox`.
 */
function bundleTypebox() {
  fs.rmSync(path.join(root, 'dist', 'bundled'), {recursive: true, force: true});
  esbuild.buildSync({
    absWorkingDir: root,
    entryPoints: {typebox: 'typebox', 'typebox-compile': 'typebox/compile'},
    outdir: path.join('dist', 'bundled'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Node knows them; esbuild would build each of these slow expressions anew wherever it is used.
    supported: {'regexp-set-notation': true},
    legalComments: 'inline',
    logLevel: 'warning',
  });
}

/**
 * The program as it is started: few large files instead of some fifteen hundred modules, so that a command starts in a
 * third of the time and an agent needs less memory. Tests of parts import `dist/source`, whole programs are this.
 */
function bundleProgram() {
  var workers = fs
    .readdirSync(path.join(root, 'dist', 'source'), {recursive: true, encoding: 'utf8'})
    .filter(file => file.endsWith('-worker.js'));
  var entries = {};
  ['main.js'].concat(workers).forEach(file => {
    var name = path.basename(file, '.js');
    if (entries[name]) throw new Error('two workers are called ' + name);
    entries[name] = './' + path.posix.join('dist/source', file.split(path.sep).join('/'));
  });
  fs.rmSync(path.join(root, 'dist', 'program'), {recursive: true, force: true});
  var result = esbuild.buildSync({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: path.join('dist', 'program'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Node knows them; esbuild would build each of these slow expressions anew wherever it is used.
    supported: {'regexp-set-notation': true},
    metafile: true,
    // ink-table asks Node for React, so the rest must, too; the others are somebody's option.
    external: ['ink-table', 'react', 'pg-native', 'react-devtools-core'].concat(loadedOnDemand),
    define: {'process.env.NODE_ENV': '"production"'},
    // What CommonJS packages expect to find.
    banner: {
      js: [
        "import {createRequire as makeRequire} from 'node:module';",
        'const require = makeRequire(import.meta.url);',
        'const {filename: __filename, dirname: __dirname} = import.meta;',
      ].join('\n'),
    },
    legalComments: 'inline',
    logLevel: 'warning',
  });
  // What an updated agent is given besides the bundle (source/system/program-files.ts).
  fs.writeFileSync(
    path.join(root, 'dist', 'program', 'packages.json'),
    JSON.stringify(loadedOnDemand) + '\n',
  );
  Object.values(result.metafile.outputs).forEach(output => {
    var nameless = output.entryPoint && output.exports.join() === 'default';
    if (nameless && output.entryPoint.startsWith('node_modules/'))
      throw new Error(
        output.entryPoint + ' would lose its named exports: name its package in loadedOnDemand',
      );
  });
}

/** A deleted source file must not live on as a compiled one: a stale test would still run. */
function removeOrphans(folder) {
  fs.readdirSync(folder, {withFileTypes: true}).forEach(entry => {
    var full = path.join(folder, entry.name);
    if (entry.isDirectory()) return removeOrphans(full);
    var match = /^(.*)\.js(\.map)?$/.exec(entry.name);
    if (!match) return;
    var origin = path.join(root, path.relative(path.join(root, 'dist'), folder), match[1]);
    if (!fs.existsSync(origin + '.ts') && !fs.existsSync(origin + '.tsx')) fs.rmSync(full);
  });
}
