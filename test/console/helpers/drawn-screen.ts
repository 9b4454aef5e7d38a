import {Writable} from 'node:stream';
import xterm from '@xterm/headless';
import type {Model} from '../../../source/console/model.js';
import {update} from '../../../source/console/update.js';
import {mountView, type View} from '../../../source/console/view/mount-view.js';

/** The console's view on a terminal in this process: what it writes is what the terminal then shows. */
export type DrawnScreen = {
  /** Every line of the terminal as text, once all of the model is drawn. */
  draw(model: Model): Promise<string[]>;
  /** The terminal gets another size, and the console hears of it as from a real one. */
  resize(columns: number, rows: number): Promise<string[]>;
  close(): void;
};

/** Opens a terminal of the model's size and draws it there. */
export function openDrawnScreen(model: Model): DrawnScreen {
  const {columns, rows} = model;
  // A terminal's line discipline makes two characters of a line end, also when it is raw for input.
  const options = {allowProposedApi: true, convertEol: true, scrollback: 0} as const;
  const terminal = new xterm.Terminal({cols: columns, rows, ...options});
  const stdout = Object.assign(
    new Writable({write: (chunk, _encoding, done) => terminal.write(chunk, done)}),
    {isTTY: true, columns, rows},
  );
  let drawn = model;
  const view: View = mountView(model, stdout as unknown as NodeJS.WriteStream);
  stdout.on('resize', () => {
    drawn = update(drawn, {type: 'resize', columns: stdout.columns, rows: stdout.rows}).model;
    view.draw(drawn);
  });

  async function lines(): Promise<string[]> {
    await view.flushed();
    await new Promise<void>(resolve => stdout.write('', () => resolve()));
    const {active} = terminal.buffer;
    // A line that was longer once keeps what nobody sees any more.
    const lineAt = (row: number) => active.getLine(row)?.translateToString(false, 0, terminal.cols) ?? '';
    return Array.from({length: terminal.rows}, (_, row) => lineAt(row));
  }

  return {
    draw(next) {
      drawn = next;
      view.draw(next);
      return lines();
    },
    resize(toColumns, toRows) {
      terminal.resize(toColumns, toRows);
      Object.assign(stdout, {columns: toColumns, rows: toRows});
      stdout.emit('resize');
      return lines();
    },
    close() {
      view.unmount();
      terminal.dispose();
    },
  };
}
