import test from 'ava';
import {fileFailureOf} from '../../source/core/file-failure.js';
import {asOperatorError} from '../../source/core/operator-error.js';

const system = (code: string, syscall: string, more: object = {path: '/home/x'}) =>
  Object.assign(new Error(`${code}: something, ${syscall}`), {code, syscall, ...more});

for (const [code, syscall, reason] of [
  ['EACCES', 'open', 'permission denied (EACCES)'],
  ['EROFS', 'open', 'the file system is read-only (EROFS)'],
  ['ENOSPC', 'write', 'the disk is full (ENOSPC)'],
  ['EEXIST', 'mkdir', 'a file lies where a folder belongs (EEXIST)'],
  ['EISDIR', 'read', 'a folder lies where a file belongs (EISDIR)'],
] as const)
  test(`${code} of ${syscall} is the system's word, with what to do`, t => {
    const {code: known, message, hint} = asOperatorError(system(code, syscall));
    t.deepEqual({known, message}, {known: 'FILE_FAILED', message: `/home/x cannot be used: ${reason}.`});
    t.regex(hint!, /\.$/);
  });

test('a write names no file', t => {
  t.regex(fileFailureOf(system('ENOSPC', 'write', {}))!.message, /^A file cannot be used/);
});

for (const [what, thrown] of [
  ['a file that we expected', system('ENOENT', 'open')],
  ['a file that we made twice', system('EEXIST', 'open')],
  ['a port', system('EACCES', 'listen', {address: '127.0.0.1', port: 80})],
  ['any other error', new TypeError('x is not a function')],
] as const)
  test(`${what} is none`, t => {
    t.is(fileFailureOf(thrown), undefined);
    t.is(asOperatorError(thrown).code, 'INTERNAL');
  });
