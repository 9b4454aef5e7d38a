import {Box, renderToString, Text} from 'ink';
import {createContext, type PropsWithChildren, type ReactElement, useContext} from 'react';
import {Table} from './ink-table.js';
import type {Line, Tone} from './lines.js';
import {styleOf} from './style.js';
import {parseTemplate, slot, type Template} from './template.js';

/*
 * What Ink draws: the form of a line or of a table, without its texts. Ink takes a millisecond for a line, because it
 * lays out and measures every character anew; a console on a slow machine has that time for a whole screen. A form is
 * drawn once and its texts, which are cut to their columns already, are put in with every frame.
 */

/** How a row looks besides its texts. */
export type RowStyle = {readonly selected: boolean; readonly tone: Tone | undefined};

/** The lines of a table. Slots 0 and up are the texts of the columns; from `ruleSlots` on the rules of the columns. */
export type TableTemplate = {
  readonly top: Template;
  readonly heading: Template;
  readonly rule: Template;
  readonly row: Template;
  readonly bottom: Template;
};

export const ruleSlots = 50;

/** A line as a template whose slots are its spans, in their order. */
export function drawLineTemplate(line: Line): Template {
  return drawTemplates(
    <Text>
      {line.map((span, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a span is what stands in its place
        <Text key={index} {...styleOf(span)}>
          {slot(index)}
        </Text>
      ))}
    </Text>,
    line.length + 1,
  )[0]!;
}

/** A table of `ink-table` with one row, of which a table of any height is made. */
export function drawTableTemplate(columns: number, style: RowStyle): TableTemplate {
  const names = Array.from({length: columns}, (_, index) => slot(index));
  const [top, heading, rule, row, bottom] = drawTemplates(
    <RowStyleContext value={style}>
      <Table
        columns={names}
        data={[Object.fromEntries(names.map(name => [name, name]))]}
        header={Heading}
        cell={Cell}
        skeleton={Skeleton}
      />
    </RowStyleContext>,
    columns * 4 + 1,
  );
  return {top: top!, heading: heading!, rule: rule!, row: row!, bottom: bottom!};
}

function drawTemplates(element: ReactElement, columns: number): Template[] {
  return renderToString(<Box width={columns}>{element}</Box>, {columns})
    .split('\n')
    .map(parseTemplate);
}

const RowStyleContext = createContext<RowStyle>({selected: false, tone: undefined});

function Heading({children}: PropsWithChildren): ReactElement {
  return <Text bold>{children}</Text>;
}

function Cell({children}: PropsWithChildren): ReactElement {
  return <Text {...useRowStyle()}>{children}</Text>;
}

/** The frame. The row under the cursor has one style from end to end, which takes the fewest bytes on the line. */
function Skeleton({children, column}: PropsWithChildren<{column?: number}>): ReactElement {
  const style = useRowStyle();
  const {selected} = useContext(RowStyleContext);
  return (
    <Text {...(selected ? style : {dimColor: true})}>
      {column === undefined ? children : slot(ruleSlots + column)}
    </Text>
  );
}

function useRowStyle(): ReturnType<typeof styleOf> {
  const {selected, tone} = useContext(RowStyleContext);
  return styleOf({tone, inverse: selected, bold: selected});
}
