/** How times are shown: in the zone of the machine, the same with the zone named, or in UTC. */
export type TimeStyle = {readonly timeZone: string; readonly show: 'local' | 'local-named' | 'utc'};

/** A duration for people: `640 ms`, `12 s`, `2 m 13 s`, `3 h 4 m`, `5 d 2 h`. */
export function formatDuration(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return ms < 10_000 ? `${(Math.floor(ms / 100) / 10).toFixed(1)} s` : `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** An age in one unit or two: `now`, `12 s ago`, `3 h 4 m ago`. */
export function formatAge(ageMs: number): string {
  return ageMs < 1000
    ? 'now'
    : `${formatDuration(Math.floor(ageMs / 1000) * 1000).replace('.0 s', ' s')} ago`;
}

/** A whole number with thin groups: `104 213`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** `1 item`, `12 items`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** The clock of the header: `14:02:11`, with the zone where asked for. */
export function formatClock(now: number, style: TimeStyle): string {
  const parts = partsOf(now, zoneOf(style));
  return `${parts.hour}:${parts.minute}:${parts.second}${zoneSuffix(style)}`;
}

/** What a time of these days takes: `today 17:06:12`. */
export const timeWidth = 14;

/** A moment as people say it: `today 02:00:41`, `3 Mar 18:50`, `3 Mar 2025 18:50`. */
export function formatTime(iso: string | undefined, now: number, style: TimeStyle): string {
  const at = iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return '-';
  const zone = zoneOf(style);
  const then = partsOf(at, zone);
  const today = partsOf(now, zone);
  const sameYear = then.year === today.year;
  if (sameYear && then.month === today.month && then.day === today.day) {
    return `today ${then.hour}:${then.minute}:${then.second}${zoneSuffix(style)}`;
  }
  const date = `${Number(then.day)} ${months[Number(then.month) - 1]}${sameYear ? '' : ` ${then.year}`}`;
  return `${date} ${then.hour}:${then.minute}${zoneSuffix(style)}`;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

function zoneOf(style: TimeStyle): string {
  return style.show === 'utc' ? 'UTC' : style.timeZone;
}

function zoneSuffix(style: TimeStyle): string {
  return style.show === 'local' ? '' : ` ${zoneOf(style)}`;
}

type Parts = Record<'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', string>;

function partsOf(at: number, timeZone: string): Parts {
  const parts = formatterOf(timeZone).formatToParts(at);
  return Object.fromEntries(parts.map(part => [part.type, part.value])) as Parts;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

// Making a formatter takes longer than drawing a frame.
function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
  formatters.set(timeZone, made);
  return made;
}
