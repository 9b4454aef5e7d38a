/** Text in one style. `style` holds the parameters of the terminal's SGR sequence (`1;7`), '' for plain text. */
export type Run = {readonly style: string; readonly text: string};

/** A line as a terminal shows it; what is missing at its end is blank. */
export type PaintedLine = readonly Run[];
