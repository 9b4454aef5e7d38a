import type {AuditEntry, AuditVerdict} from '../../engine/trust.js';
import type {Command} from '../command.js';
import {formatTime, plural, timeWidth} from '../format.js';
import {emptyList, type ListSpec, type ListState, selectedRow} from '../list.js';
import {type Model, step} from '../model.js';
import {replaceScreen} from '../navigate.js';
import type {ScreenDefinition} from '../screen-definition.js';
import type {Loadable} from '../shared-data.js';
import {drawList} from '../view/draw-list.js';
import {bold, cut, dim, type Line, line, marker, wrap} from '../view/lines.js';

export type AuditScreen = {
  readonly kind: 'audit';
  readonly id: number;
  readonly server: string;
  readonly list: ListState;
  readonly entries: Loadable<readonly AuditEntry[]>;
  /** There are older ones that were not asked for yet. */
  readonly more: boolean;
  readonly verdict?: AuditVerdict;
  readonly verifying: boolean;
};

export function auditScreen(server: string): Omit<AuditScreen, 'id'> {
  return {
    kind: 'audit',
    server,
    list: emptyList,
    entries: {loading: true},
    more: false,
    verifying: false,
  };
}

const detailHeight = 6;

/** A server's audit log: what was called, refused and done there, newest first (X7). */
export const audit: ScreenDefinition<AuditScreen> = {
  title: () => 'audit',
  context: screen => ({
    left: line(bold(` ${screen.server}`), dim('   every call that changes something, every refusal')),
    right: line(...verdictOf(screen), ' '),
  }),
  needs: [],
  opened: screen => [read(screen)],
  list: screen => ({spec: entryList(screen), state: screen.list, put: (before, list) => ({...before, list})}),
  pageRows: (_screen, model) => Math.max(1, model.rows - 9 - detailHeight),
  bindings: [
    {
      keys: ['v'],
      label: 'verify',
      description: 'Check the whole chain of the log: was a line changed, removed or put in?',
      disabledBecause: (_model, screen) => (screen.verifying ? 'it is being checked' : undefined),
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, verifying: true}), {...read(screen), verify: true}),
    },
    {
      keys: ['m'],
      label: 'older',
      description: 'Fetch older entries',
      disabledBecause: (_model, screen) =>
        screen.entries.loading ? 'it is being read' : screen.more ? undefined : 'there are no older ones',
      run: (model, screen) => {
        const oldest = screen.entries.value?.at(-1)?.seq;
        return step(replaceScreen(model, {...screen, entries: {...screen.entries, loading: true}}), {
          ...read(screen),
          ...(oldest === undefined ? {} : {before: oldest}),
        });
      },
    },
    {
      keys: ['R'],
      label: 'read again',
      description: 'Read the newest entries again',
      run: (model, screen) =>
        step(replaceScreen(model, {...screen, entries: {...screen.entries, loading: true}}), read(screen)),
    },
  ],
  receive: (screen, model, answer) => {
    if (answer.kind === 'fault')
      return step(
        replaceScreen(model, {
          ...screen,
          verifying: false,
          entries: {...screen.entries, loading: false, fault: answer.fault},
        }),
      );
    if (answer.kind !== 'audit') return step(model);
    const older = answer.before === undefined ? [] : (screen.entries.value ?? []);
    return step(
      replaceScreen(model, {
        ...screen,
        entries: {loading: false, value: [...older, ...answer.entries], at: answer.at},
        more: answer.more,
        ...(answer.verdict === undefined ? {} : {verdict: answer.verdict, verifying: false}),
      }),
    );
  },
  draw: (screen, model, area) => [
    ...drawList(
      entryList(screen, model),
      screen.list,
      {
        caption: screen.more ? 'entries (m fetches older ones)' : 'entries',
        source: screen.entries,
        empty: ['The log is empty, which it never is by itself: v checks it.'],
        tone: row => (row.kind === 'refusal' ? 'warn' : undefined),
      },
      model,
      {width: area.width, height: area.height - detailHeight},
    ),
    {kind: 'lines', lines: detail(selectedRow(entryList(screen), screen.list), model, area.width)},
  ],
};

function read({id, server}: AuditScreen): Extract<Command, {type: 'read-audit'}> {
  return {type: 'read-audit', screen: id, server, verify: false};
}

function verdictOf({verdict, verifying}: AuditScreen): Line {
  if (verifying) return [marker('run'), {text: ' checking the chain ...'}];
  if (verdict === undefined) return [dim('v checks whether it is whole')];
  return verdict.kind === 'whole'
    ? [marker('ok'), {text: ` whole, ${plural(verdict.entries, 'entry', 'entries')}`}]
    : [marker('fail'), {text: ` tampered with at line ${verdict.line} (AUDIT_TAMPERED)`}];
}

const noEntries: readonly AuditEntry[] = [];

function entryList(screen: AuditScreen, model?: Model): ListSpec<AuditEntry> {
  return {
    rows: screen.entries.value ?? noEntries,
    id: row => String(row.seq),
    columns: [
      {
        title: 'No',
        min: 3,
        optional: 3,
        align: 'right',
        sortBy: row => row.seq,
        text: row => String(row.seq),
      },
      {
        title: 'When',
        min: timeWidth,
        sortBy: row => row.at,
        text: row => (model === undefined ? row.at : formatTime(row.at, model.now, model.time)),
      },
      {title: 'Kind', min: 7, text: row => row.kind},
      {title: 'Who', min: 8, text: whoOf},
      {title: 'What', min: 16, grow: true, text: row => row.what},
      {title: 'Result', min: 6, text: row => cut(row.code ?? row.detail ?? '-', 20)},
    ],
  };
}

function whoOf({caller, address}: AuditEntry): string {
  if (caller === undefined) return address ?? 'on the server';
  return caller.name || caller.fingerprint.slice(0, 16);
}

function detail(entry: AuditEntry | undefined, model: Model, width: number): Line[] {
  if (entry === undefined) return [];
  const {caller, address, code, detail: text, suppressed} = entry;
  const who =
    caller === undefined ? [] : [`${caller.name || 'nameless'} as ${caller.role}`, caller.fingerprint];
  return [
    line(' ', bold(entry.what), dim(`   ${formatTime(entry.at, model.now, model.time)}`)),
    ...(address === undefined ? [] : [line(dim(' From   '), address)]),
    ...wrap(who.join('  '), width - 9).map((part, index) =>
      line(dim(index === 0 ? ' Caller ' : '        '), part),
    ),
    ...(code === undefined && text === undefined
      ? []
      : wrap([text, code === undefined ? undefined : `(${code})`].filter(Boolean).join(' '), width - 9).map(
          (part, index) => line(dim(index === 0 ? ' Result ' : '        '), part),
        )),
    ...(suppressed === undefined
      ? []
      : [line(dim(` ${suppressed} more of the kind before it were left out`))]),
  ].slice(0, detailHeight);
}
