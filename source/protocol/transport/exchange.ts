import type {IncomingMessage} from 'node:http';
import {request as openRequest} from 'node:https';
import type {Readable, Writable} from 'node:stream';
import type {PinnedAgent} from './pinned-agent.js';

/** The head of a request that is about to be sent. */
export type RequestHead = {
  readonly agent: PinnedAgent;
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
};

/** One request on its way and the answer to it. Both bodies move at the same time. */
export type Exchange = {
  /** Takes the body of the request, which a GET has none of; says so by `error` when the exchange fails, whoever is to blame. */
  readonly upload: Writable;
  /** Comes with the head of the answer; undefined when the exchange ended without one. */
  readonly answer: Promise<Answering | undefined>;
  /** Whether the connection had been used for a request before. */
  readonly reusedConnection: boolean;
  /** Bytes that the connection has moved in both directions, whatever for. */
  readonly movedBytes: number;
  /** Ends the exchange. A connection on which it was complete is kept for others. */
  destroy(): void;
};

/** An answer whose head is here. */
export type Answering = {
  readonly status: number;
  readonly contentType: string;
  readonly body: Readable;
  /** Whether all of the body came, rather than what there was of it when the connection ended. */
  isWhole(): boolean;
};

/** Sends the head of a request. Two do so: `openWithHttps`, and that of consoles (client/). */
export type OpenExchange = (head: RequestHead) => Promise<Exchange>;

/** With nothing but what an agent's own server has loaded already: more would cost each agent 18 MB. */
export const openWithHttps: OpenExchange = async ({agent, url, method, headers}) => {
  const request = openRequest(url, {agent, method, headers});
  let answer: IncomingMessage | undefined;
  if (method === 'GET') request.end();
  return {
    upload: request,
    answer: new Promise(resolve => {
      request.once('response', message => {
        answer = message;
        resolve({
          status: message.statusCode ?? 0,
          contentType: message.headers['content-type'] ?? '',
          body: message,
          isWhole: () => message.complete,
        });
      });
      request.once('close', () => resolve(undefined));
    }),
    get reusedConnection() {
      return request.reusedSocket;
    },
    get movedBytes() {
      return (request.socket?.bytesRead ?? 0) + (request.socket?.bytesWritten ?? 0);
    },
    destroy() {
      if (!(answer?.complete === true && request.writableFinished)) request.destroy();
    },
  };
};
