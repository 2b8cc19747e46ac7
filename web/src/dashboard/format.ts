// Numbers, times and names as people read them. The UI is English; so are these.

const LOCALE = 'en';

const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const share = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' });
const regions = new Intl.DisplayNames(LOCALE, { type: 'region', fallback: 'code' });

export const count = (n: number) => whole.format(n);

/** 123,456 in full, 1.2M from a million on. */
export const compact = (n: number) => (n < 1_000_000 ? whole.format(n) : short.format(n));

/** A part of 1 as a percentage; something that is not nothing never shows as 0%, nor as 100% before the end. */
export function percent(part: number): string {
  if (part > 0 && part < 0.01) return '<1%';
  if (part < 1 && part > 0.99) return '99%';
  return share.format(part);
}

/** Something per second. */
export const rate = (perSecond: number) => `${perSecond < 10 ? fine.format(perSecond) : compact(perSecond)}/s`;

/** Points and weights: up to one decimal. */
export const points = (n: number) => fine.format(n);

/** `1 number`, `2 numbers`. */
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

/** A span in at most two units: `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  if (seconds < 1) return '<1 s';
  let rest = Math.round(seconds);
  const parts: string[] = [];
  for (const [unit, size] of [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${count(n)} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n < 10 && i > 0 ? fine.format(n) : whole.format(n)} ${units[i] ?? ''}`;
}

export const when = (time: string) => dateTime.format(new Date(time));

/** `5 minutes ago`; null for a time that cannot be read. */
export function ago(time: string, now: number): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return '–';
  const size = Math.abs(seconds);
  if (size < 45) return 'just now';
  if (size < 2_700) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 79_200) return relative.format(Math.round(seconds / 3_600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}

/** `in 5 minutes`; `now` for what is due. */
export function soon(time: string, now: number): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return '–';
  if (seconds <= 0) return 'now';
  if (seconds < 45) return 'in less than a minute';
  return ago(time, now);
}

/** The seconds of a span such as `P1DT12H`, as the API writes and reads it; null for anything else. */
export function secondsOf(iso: string): number | null {
  const found = /^P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(iso);
  if (found === null) return null;
  // As the API has it, months count 30 days and years 365.
  const sizes = [31_536_000, 2_592_000, 604_800, 86_400, 3_600, 60, 1];
  return sizes.reduce((sum, size, i) => sum + size * Number(found[i + 1] ?? 0), 0);
}

/** A span such as `PT15M` as people read it; what is no span, as it stands. */
export function span(iso: string): string {
  const seconds = secondsOf(iso);
  return seconds === null ? iso : duration(seconds);
}

/** The name of a region code; `No country` for ZZ and none. */
export function regionName(code: string | null): string {
  if (code === null || code === '' || code === 'ZZ') return 'No country';
  if (code === '001') return 'International';
  try {
    return regions.of(code) ?? code;
  } catch {
    return code; // not a region code at all
  }
}

const names: Record<string, string> = {
  WHATSAPP: 'WhatsApp',
  INSTAGRAM: 'Instagram',
  FACEBOOK: 'Facebook',
  GOOGLE: 'Google',
  APPLE: 'Apple',
  FIXED_LINE: 'Fixed line',
  FIXED_LINE_OR_MOBILE: 'Fixed or mobile',
  VOIP: 'VoIP',
  UAN: 'Company access',
  LINE: 'Phone line',
};

/** A name of the API (`NOT_FOUND`, `too_short`) as words (`Not found`). */
export function label(name: string): string {
  const known = names[name];
  if (known !== undefined) return known;
  const words = name.replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
