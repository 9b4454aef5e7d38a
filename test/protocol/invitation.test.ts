import test from 'ava';
import {formatInvitation, parseInvitation} from '../../source/protocol/invitation.js';

const invitation = {
  url: 'https://127.0.0.1:8732',
  fingerprint: '0123456789abcdef'.repeat(4),
  secret: 'abcdefghijklmnopqrstuvwxyz012-_A',
  expiresAt: '2026-11-21T06:03:40.233Z',
};

test('an invitation is one line and says the same when read again', t => {
  for (const url of [invitation.url, 'https://[::1]:8732', 'https://staging.example.com:443']) {
    const line = formatInvitation({...invitation, url});
    t.notRegex(line, /\s/);
    t.deepEqual(parseInvitation(` ${line}\n`), {...invitation, url: new URL(url).origin});
  }
});

test('a line that is cut, changed or something else is no invitation', t => {
  const line = formatInvitation(invitation);
  for (const wrong of [
    '',
    'hello',
    line.slice(0, -12),
    line.slice(5),
    line.replace('abcdef', 'abcdeg'),
    `${line}/x`.replace('lockstep', 'https'),
  ])
    t.throws(() => parseInvitation(wrong), {code: 'USAGE'}, wrong);
});
