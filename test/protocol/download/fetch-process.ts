import {download} from '../../../source/protocol/download/download.js';
import {ftpSource} from '../../../source/protocol/download/ftp-source.js';

/*
 * A process of its own, because what it trusts is settled when it starts (NODE_EXTRA_CA_CERTS): fetches an address to a
 * file and prints what `download` answered, or the code and message of its error.
 */

const [url = '', to = ''] = process.argv.slice(2);
const options = {to, maxBytes: 1_000_000, attempts: 2};
console.log(
  JSON.stringify(
    await download(ftpSource(url), options).catch(({code, message}) => ({code, message}) as const),
  ),
);
