import {showsOnBlanks} from './cells.js';

/** Collects what is sent to a terminal, and knows in which style it writes. */
export class Pen {
  #sent = '';
  #style = '';

  /** @param row from 0 @param column from 0 */
  moveTo(row: number, column: number): void {
    this.#sent += column === 0 ? `\x1b[${row + 1}H` : `\x1b[${row + 1};${column + 1}H`;
  }

  write(text: string, style: string): void {
    this.#use(style);
    this.#sent += text;
  }

  /** Blanks show no style but the turned one, so they are written in whatever there is. */
  writeBlanks(count: number): void {
    if (count === 0) return;
    if (showsOnBlanks(this.#style)) this.#use('');
    this.#sent += ' '.repeat(count);
  }

  /** A sequence that is to find the terminal in its plain style, as everything does that erases. */
  control(sequence: string): void {
    this.#use('');
    this.#sent += sequence;
  }

  /** Everything so far; the terminal is back in its plain style. */
  finish(): string {
    this.#use('');
    return this.#sent;
  }

  #use(style: string): void {
    if (style === this.#style) return;
    if (style === '') this.#sent += '\x1b[m';
    else if (this.#style === '') this.#sent += `\x1b[${style}m`;
    else this.#sent += `\x1b[0;${style}m`;
    this.#style = style;
  }
}
