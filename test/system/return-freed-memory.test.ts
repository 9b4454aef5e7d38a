import {execFileSync} from 'node:child_process';
import test from 'ava';

// In a process of its own: what the tests beside this one allocate would be measured as well.
const script = `
  const {DatabaseSync} = await import('node:sqlite');
  const {returnFreedMemory} = await import(process.argv[1]);
  const resident = () => process.memoryUsage().rss / 2 ** 20;
  const large = new DatabaseSync(':memory:');
  large.exec('CREATE TABLE t (a); WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 600000) INSERT INTO t SELECT hex(randomblob(20)) FROM c');
  const later = new DatabaseSync(':memory:');
  later.exec('CREATE TABLE t (a)');
  large.close();
  const freed = resident();
  returnFreedMemory();
  console.log(freed, resident());
  console.log(later.prepare('SELECT count(*) AS n FROM t').get().n);
`;

const glibc = (process.report.getReport() as {header: {glibcVersionRuntime?: string}}).header
  .glibcVersionRuntime;

test('freed memory goes back to the system, and what is in use stays', t => {
  const output = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      script,
      new URL('../../source/system/return-freed-memory.js', import.meta.url).href,
    ],
    {encoding: 'utf8'},
  );
  const [memory, rows] = output.trim().split('\n');
  const [freed, left] = memory!.split(' ').map(Number);
  t.is(rows, '0');
  if (glibc === undefined) t.pass('another C library: nothing is returned, and nothing breaks');
  else t.true(left! < freed! - 15, memory);
});
