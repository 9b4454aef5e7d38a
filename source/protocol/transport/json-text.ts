import {isUtf8} from 'node:buffer';
import {parse} from 'secure-json-parse';
import {OperatorError} from '../../core/operator-error.js';
import {limits} from '../endpoint.js';

/** Text shorter than this cannot nest deep enough to hurt anyone, and most lines of a stream are. */
const harmlessLength = 1024;

/**
 * Parses JSON that came from outside: valid UTF-8, no `__proto__` or `constructor.prototype` keys, nested at
 * most `limits.depth` deep.
 * @throws OperatorError BAD_REQUEST
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new OperatorError('BAD_REQUEST', 'The JSON is not valid UTF-8.');
  if (bytes.length > harmlessLength) checkDepth(bytes);
  const text = bytes.toString('utf8');
  try {
    // Looking for such keys costs more than parsing; most lines have nothing that could be, or hide, one.
    if (!text.includes('__proto__') && !text.includes('constructor') && !text.includes('\\u'))
      return JSON.parse(text);
    return parse(text, null, {protoAction: 'error', constructorAction: 'error'});
  } catch (error) {
    throw new OperatorError('BAD_REQUEST', `The JSON cannot be read: ${(error as Error).message}`);
  }
}

function checkDepth(bytes: Buffer): void {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (inText) {
      if (byte === 0x5c) index += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (depth > limits.depth)
        throw new OperatorError('BAD_REQUEST', `The JSON is nested more than ${limits.depth} levels deep.`);
    } else if (byte === 0x7d || byte === 0x5d) depth -= 1;
  }
}
