import {formatAge, formatTime, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {logPlace} from '../log-place.js';
import type {Message} from '../message.js';
import type {Model} from '../model.js';
import type {ScreenDefinition} from '../screen-definition.js';
import {drawList} from '../view/draw-list.js';
import {dim, type Line, line, marker, wrap} from '../view/lines.js';

export type NoticesScreen = {readonly kind: 'notices'; readonly id: number; readonly list: ListState};

export function noticesScreen(): Omit<NoticesScreen, 'id'> {
  return {kind: 'notices', list: emptyList};
}

const detailHeight = 7;

/** What the message line has said, newest first; errors with their code, their remedy and where their log is. */
export const notices: ScreenDefinition<NoticesScreen> = {
  title: () => 'notices',
  context: () => ({left: line(dim(' what the line above the keys has said since this console was opened'))}),
  needs: [],
  list: (screen, model) => ({
    spec: noticeList(model),
    state: screen.list,
    put: (before, list) => ({...before, list}),
  }),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [],
  draw: (screen, model, area) => [
    ...drawList(
      noticeList(model),
      screen.list,
      {
        caption: 'notices',
        source: {loading: false, value: model.notices},
        empty: ['Nothing was said yet. What the console has to say appears above the keys and is kept here.'],
        tone: row => (row.level === 'info' ? undefined : row.level),
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(selectedRow(noticeList(model), screen.list), model, area.width)},
  ],
};

const newestFirst = new WeakMap<readonly Message[], readonly Message[]>();

function noticeList(model: Model): ListSpec<Message> {
  const rows = newestFirst.get(model.notices) ?? model.notices.toReversed();
  newestFirst.set(model.notices, rows);
  return {
    rows,
    id: row => `${row.at} ${row.text}`,
    columns: [
      {title: '', min: 4, text: row => row.level},
      {
        title: 'When',
        min: timeWidth,
        sortBy: row => row.at,
        text: row => formatTime(new Date(row.at).toISOString(), model.now, model.time),
      },
      {title: 'Code', min: 5, optional: 2, text: row => row.fault?.code ?? '-'},
      {title: 'Notice', min: 20, grow: true, text: row => row.text},
    ],
  };
}

function detail(notice: Message | undefined, model: Model, width: number): Line[] {
  if (notice === undefined) return [];
  const {fault} = notice;
  const part = (label: string, text: string | undefined) =>
    text === undefined
      ? []
      : wrap(text, width - 14).map((piece, index) =>
          line(dim(` ${(index === 0 ? label : '').padEnd(12)}`), piece),
        );
  return [
    line(
      ' ',
      marker(notice.level === 'info' ? 'ok' : notice.level),
      dim(` ${formatAge(model.now - notice.at)}`),
    ),
    ...(fault === undefined
      ? part('Said', notice.text)
      : [
          ...part('Code', fault.code),
          ...part('Meaning', fault.message),
          ...part('What to do', fault.hint),
          ...part('Log', logPlace(fault, model.home)),
        ]),
  ].slice(0, detailHeight);
}
