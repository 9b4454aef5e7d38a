import type {OpenExchange} from '../protocol/transport/exchange.js';

/** How a console sends its requests. Loaded with the first of them: many a command sends none. */
export const openWithGot: OpenExchange = async ({agent, url, method, headers}) => {
  const {default: got} = await import('got');
  const stream = got.stream(url, {
    method,
    agent: {https: agent},
    headers: {'user-agent': undefined, 'accept-encoding': undefined, ...headers},
    retry: {limit: 0},
    throwHttpErrors: false,
    followRedirect: false,
    decompress: false,
  });
  let socket: {bytesRead: number; bytesWritten: number} | undefined;
  stream.once('request', request => {
    request.once('socket', (used: {bytesRead: number; bytesWritten: number}) => {
      socket = used;
    });
  });
  return {
    upload: stream,
    answer: new Promise(resolve => {
      stream.once('response', ({statusCode, headers}) =>
        resolve({
          status: statusCode,
          contentType: headers['content-type'] ?? '',
          body: stream,
          isWhole: () => stream.response?.complete !== false,
        }),
      );
      stream.once('close', () => resolve(undefined));
    }),
    get reusedConnection() {
      return stream.reusedSocket === true;
    },
    get movedBytes() {
      return socket ? socket.bytesRead + socket.bytesWritten : 0;
    },
    destroy: () => void stream.destroy(),
  };
};
