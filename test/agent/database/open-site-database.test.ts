import test from 'ava';
import {databaseFile, openSiteDatabase} from '../../../source/agent/database/open-site-database.js';
import {OperatorError} from '../../../source/core/operator-error.js';

for (const [url, message] of [
  ['oracle://user:secret@db/name', /not a database URL/],
  ['constructor://user:sec@secret@db/name', /not a database URL/],
  ['/srv/content.db', /not a database URL/],
  ['sqlite:', /needs the path/],
] as const)
  test(`${url} is refused with what is wrong, without its password`, async t => {
    const error = await t.throwsAsync(openSiteDatabase(url, {exclude: []}), {
      instanceOf: OperatorError,
      message,
    });
    t.is(error?.code, 'INVALID_CONFIGURATION');
    t.notRegex(error?.message ?? '', /secret/);
  });

test('a sqlite URL names a file', t => {
  t.is(databaseFile('sqlite:/srv/a.db'), '/srv/a.db');
  t.is(databaseFile('sqlite:///srv/a.db'), '/srv/a.db');
  t.is(databaseFile('postgres://db/name'), undefined);
});
