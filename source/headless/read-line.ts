import {createInterface} from 'node:readline';

/** Asks on stderr, because stdout carries data, and resolves with the line typed; undefined at the input's end. */
export function readLine(question: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const reader = createInterface({input: process.stdin, output: process.stderr});
    let answer: string | undefined;
    reader.once('close', () => resolve(answer));
    reader.question(question, line => {
      answer = line;
      reader.close();
    });
  });
}
