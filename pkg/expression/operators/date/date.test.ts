import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, evaluate } from '../../testdata/evaluate.ts'
import { calendarDayOf, dayOfYear, daysInMonth, daysOf, firstIsoMonday, isoDayOfWeek, isoWeekOf } from './calendar.ts'
import { dayMs, momentOf, msOfMoment, secondsOfMoment } from './moment.ts'
import { timeZoneOf } from './time-zone.ts'

const date = (text: string) => `{"$date":"${text}"}`
const iso = (text: string) => ({ $date: text })

describe('the calendar', () => {
  it('agrees with JavaScript as far as that reaches', () => {
    fc.assert(
      fc.property(fc.integer({ min: -99_999_999, max: 99_999_999 }), (days) => {
        const model = new Date(days * dayMs)
        const { year, month, day } = calendarDayOf(days)
        expect([year, month, day]).toEqual([model.getUTCFullYear(), model.getUTCMonth() + 1, model.getUTCDate()])
        expect(daysOf(year, month, day)).toBe(days)
        expect(isoDayOfWeek(days) % 7).toBe(model.getUTCDay())
        expect(dayOfYear(days)).toBe(
          days - Date.UTC(2000, 0, 1) / dayMs - (daysOf(year, 1, 1) - daysOf(2000, 1, 1)) + 1,
        )
      }),
    )
  })

  it('has ISO weeks as Temporal has them', () => {
    fc.assert(
      fc.property(fc.integer({ min: -800_000, max: 2_900_000 }), (days) => {
        const model = Temporal.PlainDate.from('1970-01-01').add({ days })
        const { year, week } = isoWeekOf(days)
        expect([year, week]).toEqual([model.yearOfWeek, model.weekOfYear])
        expect(firstIsoMonday(year) + (week - 1) * 7 + isoDayOfWeek(days) - 1).toBe(days)
      }),
    )
  })

  it('carries months and days over', () => {
    expect(daysOf(2021, 14, 1)).toBe(daysOf(2022, 2, 1))
    expect(daysOf(2021, -11, 31)).toBe(daysOf(2020, 1, 31))
    expect(daysInMonth(2000, 2)).toBe(29)
    expect(daysInMonth(1900, 2)).toBe(28)
  })
})

describe('time zones', () => {
  const names = [
    'America/New_York',
    'Europe/Berlin',
    'Asia/Kolkata',
    'Pacific/Apia',
    'Australia/Lord_Howe',
    'EST',
    'UTC',
  ]

  it('have the offsets that Temporal has, in whatever order they are asked for', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.integer({ min: -5e9, max: 1e10 }), (name, seconds) => {
        const model = Temporal.Instant.fromEpochMilliseconds(seconds * 1000).toZonedDateTimeISO(name)
        expect(timeZoneOf(name).offsetAt(seconds)).toBe(model.offsetNanoseconds / 1e9)
      }),
      { numRuns: 1000 },
    )
  })

  it('are exact at the very second of a change', () => {
    const zone = timeZoneOf('America/New_York')
    const change = Date.UTC(2021, 2, 14, 7) / 1000
    expect([zone.offsetAt(change - 1), zone.offsetAt(change)]).toEqual([-18_000, -14_400])
    expect(zone.offsetAt(change - 1)).toBe(-18_000)
  })

  it('turn local times back into the moments they came from, but where clocks go back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.integer({ min: 0, max: 4e9 }), (name, seconds) => {
        const zone = timeZoneOf(name)
        const moment = momentOf(0, seconds * 1000)
        const again = secondsOfMoment(zone.toUtc(zone.toLocal(moment)))
        const isRepeated = [3600, 1800].some((s) => zone.offsetAt(seconds - s) > zone.offsetAt(seconds + s))
        if (!isRepeated) expect(again).toBe(seconds)
      }),
      { numRuns: 1000 },
    )
  })

  it('take a time that is left out as if the clock had not been changed', () => {
    const local = momentOf(daysOf(2021, 3, 14), 2.5 * 3_600_000)
    const utc = timeZoneOf('America/New_York').toUtc(local)
    expect(new Date(Number(msOfMoment(utc))).toISOString()).toBe('2021-03-14T07:30:00.000Z')
  })

  it('are refused by any other name', () => {
    for (const name of ['', 'Z', 'utc', 'america/new_york', 'Nowhere/City', '+5', '+100:00', '123', '25:00']) {
      expect(codeOf(`{"$hour":{"date":${date('2020-01-01T00:00:00Z')},"timezone":${JSON.stringify(name)}}}`)).toBe(
        40485,
      )
    }
    expect(codeOf(`{"$hour":{"date":${date('2020-01-01T00:00:00Z')},"timezone":5}}`)).toBe(40517)
  })
})

describe('dates', () => {
  const noon = date('2024-06-15T12:30:45.678Z')
  const cases: readonly (readonly [expression: string, result: unknown])[] = [
    [`{"$year":${noon}}`, 2024],
    [`{"$month":[${noon}]}`, 6],
    [`{"$dayOfMonth":{"date":${noon},"timezone":"+14:00"}}`, 16],
    [`{"$dayOfYear":${noon}}`, 167],
    [`{"$dayOfWeek":${noon}}`, 7],
    [`{"$week":${noon}}`, 23],
    [`{"$isoDayOfWeek":${noon}}`, 6],
    [`{"$isoWeek":${noon}}`, 24],
    [`{"$isoWeekYear":${date('2021-01-01T00:00:00Z')}}`, 2020],
    [`{"$hour":{"date":${noon},"timezone":"America/New_York"}}`, 8],
    [`{"$minute":{"date":${noon},"timezone":"Asia/Kolkata"}}`, 0],
    [`{"$second":${noon}}`, 45],
    [`{"$millisecond":${noon}}`, 678],
    ['{"$year":{"$date":{"$numberLong":"9223372036854775807"}}}', 292_278_994],
    ['{"$millisecond":{"$date":{"$numberLong":"9223372036854775807"}}}', 807],
    ['{"$year":null}', null],
    ['{"$tsSecond":{"$timestamp":{"t":7,"i":9}}}', 7],
    ['{"$tsIncrement":{"$timestamp":{"t":7,"i":4000000000}}}', 4_000_000_000],
    [
      `{"$dateAdd":{"startDate":${date('2024-01-31T00:00:00Z')},"unit":"month","amount":1}}`,
      iso('2024-02-29T00:00:00Z'),
    ],
    [
      `{"$dateAdd":{"startDate":${date('2021-03-13T15:00:00Z')},"unit":"day","amount":1,"timezone":"America/New_York"}}`,
      iso('2021-03-14T14:00:00Z'),
    ],
    [`{"$dateSubtract":{"startDate":${noon},"unit":"quarter","amount":2}}`, iso('2023-12-15T12:30:45.678Z')],
    [
      `{"$dateDiff":{"startDate":${date('2023-12-31T23:59:59Z')},"endDate":${date('2024-01-01T00:00:00Z')},"unit":"year"}}`,
      1,
    ],
    [
      `{"$dateDiff":{"startDate":${date('2024-06-15T00:00:00Z')},"endDate":${date('2024-06-17T00:00:00Z')},"unit":"week","startOfWeek":"mon"}}`,
      1,
    ],
    [
      `{"$dateDiff":{"startDate":${date('2021-03-14T06:30:00Z')},"endDate":${date('2021-03-14T07:30:00Z')},"unit":"hour","timezone":"America/New_York"}}`,
      1,
    ],
    [`{"$dateTrunc":{"date":${noon},"unit":"hour","binSize":7}}`, iso('2024-06-15T07:00:00Z')],
    [`{"$dateTrunc":{"date":${noon},"unit":"week","startOfWeek":"friday"}}`, iso('2024-06-14T00:00:00Z')],
    [`{"$dateTrunc":{"date":${noon},"unit":"month","timezone":"Europe/Berlin"}}`, iso('2024-05-31T22:00:00Z')],
    [`{"$dateTrunc":{"date":${date('1999-12-31T00:00:00Z')},"unit":"year","binSize":3}}`, iso('1997-01-01T00:00:00Z')],
    ['{"$dateFromParts":{"year":2024,"month":14,"day":0}}', iso('2025-01-31T00:00:00Z')],
    ['{"$dateFromParts":{"isoWeekYear":2020,"isoWeek":53,"isoDayOfWeek":7}}', iso('2021-01-03T00:00:00Z')],
    ['{"$dateFromParts":{"year":2024,"hour":null}}', null],
    [`{"$dateToString":{"date":${noon}}}`, '2024-06-15T12:30:45.678Z'],
    [`{"$dateToString":{"date":${noon},"timezone":"-03:30"}}`, '2024-06-15T09:00:45.678'],
    [
      `{"$dateToString":{"date":${noon},"format":"%G-W%V-%u %j %U %w %b %B %z %Z %%","timezone":"+05:30"}}`,
      '2024-W24-6 167 23 7 Jun June +0530 330 %',
    ],
    ['{"$dateToString":{"date":null,"onNull":"none"}}', 'none'],
    ['{"$dateFromString":{"dateString":"15/06/2024 08","format":"%d/%m/%Y %H"}}', iso('2024-06-15T08:00:00Z')],
    ['{"$dateFromString":{"dateString":"2024-W24-6","format":"%G-W%V-%u"}}', iso('2024-06-15T00:00:00Z')],
    [
      '{"$dateFromString":{"dateString":"2024-06-15T12:00:00","timezone":"America/New_York"}}',
      iso('2024-06-15T16:00:00Z'),
    ],
    ['{"$dateFromString":{"dateString":"July 4th, 2017 12:39:30 BST"}}', iso('2017-07-04T11:39:30Z')],
    ['{"$dateFromString":{"dateString":"Wed, 31 Jan 1996 12:05:28 +0330"}}', iso('1996-01-31T08:35:28Z')],
    ['{"$dateFromString":{"dateString":"7/4/2017 3:15 pm"}}', iso('2017-07-04T15:15:00Z')],
    ['{"$dateFromString":{"dateString":"20170704T113930Z"}}', iso('2017-07-04T11:39:30Z')],
    ['{"$dateFromString":{"dateString":"@1499168350"}}', iso('2017-07-04T11:39:10Z')],
    ['{"$dateFromString":{"dateString":"nonsense","onError":"bad"}}', 'bad'],
  ]
  for (const [expression, result] of cases) {
    it(`${expression} is ${JSON.stringify(result)}`, () => {
      expect(evaluate(expression)).toEqual(result)
    })
  }

  const refusals: readonly (readonly [expression: string, code: number])[] = [
    ['{"$year":"x"}', 16006],
    ['{"$year":{"date":1,"zone":2}}', 40535],
    ['{"$year":[1,2]}', 40536],
    ['{"$year":{"timezone":"UTC"}}', 40539],
    ['{"$tsSecond":5}', 5687301],
    ['{"$tsIncrement":5}', 5687302],
    [`{"$dateAdd":{"startDate":${noon},"unit":"days","amount":1}}`, 9],
    [`{"$dateAdd":{"startDate":${noon},"unit":"day","amount":1.5}}`, 5166405],
    [`{"$dateAdd":{"startDate":${noon},"unit":"year","amount":{"$numberLong":"9000000000"}}}`, 5976500],
    [`{"$dateAdd":{"startDate":${noon},"unit":"year","amount":292278994}}`, 5166406],
    [`{"$dateDiff":{"startDate":${noon},"unit":"day"}}`, 5166304],
    [`{"$dateTrunc":{"date":${noon},"unit":"day","binSize":0}}`, 5439018],
    [`{"$dateTrunc":{"date":${noon},"unit":"week","startOfWeek":"someday"}}`, 5439016],
    ['{"$dateFromParts":{"year":0}}', 40523],
    ['{"$dateFromParts":{"year":2024,"month":40000}}', 31034],
    ['{"$dateFromParts":{"year":2024,"isoWeek":1}}', 40489],
    [`{"$dateToString":{"date":${noon},"format":"%q"}}`, 18536],
    [`{"$dateToString":{"date":${noon},"format":"%"}}`, 18535],
    ['{"$dateFromString":{"dateString":"2023-02-29"}}', 241],
    ['{"$dateFromString":{"dateString":"2024"}}', 241],
    ['{"$dateFromString":{"dateString":"2024-06-15Z","timezone":"America/New_York"}}', 241],
  ]
  for (const [expression, code] of refusals) {
    it(`${expression} is refused with ${code}`, () => {
      expect(codeOf(expression)).toBe(code)
    })
  }

  it('come back from the text they are written as', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_200_000_000 }), (ms) => {
        const value = `{"$date":{"$numberLong":"${ms}"}}`
        const format = '"%Y-%m-%d %H:%M:%S.%L %z"'
        const text = `{"$dateToString":{"date":${value},"format":${format},"timezone":"+07:45"}}`
        const expected = evaluate(value)
        expect(evaluate(`{"$dateFromString":{"dateString":${text},"format":${format}}}`)).toEqual(expected)
        expect(evaluate(`{"$dateFromString":{"dateString":{"$dateToString":{"date":${value}}}}}`)).toEqual(expected)
      }),
    )
  })

  it('are truncated to the greatest beginning of a bin that is not later', () => {
    const unit = fc.constantFrom('year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second')
    const zone = fc.constantFrom('UTC', 'America/New_York', '+05:45')
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4e12 }),
        unit,
        fc.integer({ min: 1, max: 40 }),
        zone,
        (ms, name, size, timezone) => {
          const options = `"unit":"${name}","binSize":${size},"timezone":"${timezone}"`
          const truncated = `{"$dateTrunc":{"date":"$d",${options}}}`
          const document = `{"d":{"$date":{"$numberLong":"${ms}"}}}`
          // Truncating again changes nothing, and the next bin is later.
          expect(evaluate(`{"$lte":[${truncated},"$d"]}`, document)).toBe(true)
          expect(evaluate(`{"$eq":[{"$dateTrunc":{"date":${truncated},${options}}},${truncated}]}`, document)).toBe(
            true,
          )
          const next = `{"$dateAdd":{"startDate":${truncated},"unit":"${name}","amount":${size},"timezone":"${timezone}"}}`
          expect(evaluate(`{"$gt":[${next},"$d"]}`, document)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })
})
