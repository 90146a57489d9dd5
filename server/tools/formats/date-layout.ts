/**
 * Dates in the three notations that mongoimport's column types take, both ways:
 *
 *                year  month day hour minute second millisecond  zone
 *   date(Go)     2006  01    02  15   04     05     .000         Z07:00 -07:00 -0700
 *   date_ms      yyyy  MM    dd  HH   mm     ss     .SSS         zzz
 *   date_oracle  YYYY  MM    DD  HH24 MI     SS     .FF3         TZH:TZM
 *
 * Anything else in a layout stands for itself.
 */
import { Refusal } from '../../refusal.ts'

type Part = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'zone'
type Notation = 'date' | 'date_ms' | 'date_oracle'

const notations: Readonly<Record<Notation, readonly (readonly [string, Part])[]>> = {
  date: [
    ['2006', 'year'],
    ['01', 'month'],
    ['02', 'day'],
    ['15', 'hour'],
    ['04', 'minute'],
    ['05', 'second'],
    ['.000', 'fraction'],
    ['Z07:00', 'zone'],
    ['-07:00', 'zone'],
    ['-0700', 'zone'],
  ],
  date_ms: [
    ['yyyy', 'year'],
    ['MM', 'month'],
    ['dd', 'day'],
    ['HH', 'hour'],
    ['mm', 'minute'],
    ['ss', 'second'],
    ['.SSS', 'fraction'],
    ['zzz', 'zone'],
  ],
  date_oracle: [
    ['YYYY', 'year'],
    ['HH24', 'hour'],
    ['MM', 'month'],
    ['DD', 'day'],
    ['MI', 'minute'],
    ['SS', 'second'],
    ['.FF3', 'fraction'],
    ['TZH:TZM', 'zone'],
  ],
}

const patterns: Readonly<Record<Part, string>> = {
  year: '\\d{4}',
  month: '\\d{2}',
  day: '\\d{2}',
  hour: '\\d{2}',
  minute: '\\d{2}',
  second: '\\d{2}',
  fraction: '\\.\\d{1,9}',
  zone: 'Z|[+-]\\d{2}:?\\d{2}',
}

export interface DateLayout {
  /** Milliseconds since 1970, or undefined when the text is not of this form. */
  parse(text: string): number | undefined
  format(ms: number): string
}

/** Throws a Refusal when the layout names no part of a date. */
export function dateLayout(notation: Notation, layout: string): DateLayout {
  const pieces = cut(notation, layout)
  if (!pieces.some((piece) => typeof piece !== 'string')) {
    throw new Refusal(`${notation}(${layout}) has no part of a date in it, such as ${notations[notation][0]![0]}`)
  }
  const form = new RegExp(
    `^${pieces.map((piece) => (typeof piece === 'string' ? RegExp.escape(piece) : `(?<${piece.part}>${patterns[piece.part]})`)).join('')}$`,
  )
  return {
    parse: (text) => {
      const groups = form.exec(text)?.groups
      return groups === undefined ? undefined : instant(groups)
    },
    format: (ms) =>
      pieces.map((piece) => (typeof piece === 'string' ? piece : show(piece.part, new Date(ms)))).join(''),
  }
}

function cut(notation: Notation, layout: string): (string | { readonly part: Part })[] {
  const pieces: (string | { readonly part: Part })[] = []
  const used = new Set<Part>()
  for (let at = 0; at < layout.length; ) {
    const found = notations[notation].find(([text, part]) => layout.startsWith(text, at) && !used.has(part))
    if (found === undefined) {
      pieces.push(layout[at]!)
      at += 1
    } else {
      pieces.push({ part: found[1] })
      used.add(found[1])
      at += found[0].length
    }
  }
  return pieces
}

function instant(groups: Partial<Record<string, string>>): number | undefined {
  const part = (name: Part, otherwise: number) => (groups[name] === undefined ? otherwise : Number(groups[name]))
  const [year, month, day] = [part('year', 1970), part('month', 1) - 1, part('day', 1)]
  const [hour, minute, second] = [part('hour', 0), part('minute', 0), part('second', 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month, day)
  // A month or day that there is not would move into the next one.
  if (date.getUTCMonth() !== month || date.getUTCDate() !== day) return undefined
  const ms = groups['fraction'] === undefined ? 0 : Number(groups['fraction'].slice(1, 4).padEnd(3, '0'))
  return date.getTime() + ((hour * 60 + minute - zoneMinutes(groups['zone'])) * 60 + second) * 1000 + ms
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const digits = zone.replace(':', '')
  return (zone[0] === '-' ? -1 : 1) * (Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3)))
}

function show(part: Part, date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0')
  switch (part) {
    case 'year':
      return String(date.getUTCFullYear()).padStart(4, '0')
    case 'month':
      return two(date.getUTCMonth() + 1)
    case 'day':
      return two(date.getUTCDate())
    case 'hour':
      return two(date.getUTCHours())
    case 'minute':
      return two(date.getUTCMinutes())
    case 'second':
      return two(date.getUTCSeconds())
    case 'fraction':
      return `.${String(date.getUTCMilliseconds()).padStart(3, '0')}`
    case 'zone':
      return 'Z'
  }
}
