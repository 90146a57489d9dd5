import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIsoDate, hasIsoForm, parseIsoDate } from './iso-date.ts'

describe('parseIsoDate', () => {
  it('reads what formatIsoDate and toISOString write', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        expect(parseIsoDate(date.toISOString())).toBe(date.getTime())
        if (hasIsoForm(date.getTime())) expect(parseIsoDate(formatIsoDate(date.getTime()))).toBe(date.getTime())
      }),
    )
  })

  it('applies the zone', () => {
    const noon = Date.UTC(2024, 1, 29, 12)
    for (const text of [
      '2024-02-29T12:00:00Z',
      '2024-02-29T12:00Z',
      '2024-02-29T12:00:00',
      '2024-02-29 12:00:00.000000000Z',
      '2024-02-29T14:30:00+02:30',
      '2024-02-29T14:30:00+0230',
      '2024-02-28T23:00:00-13:00',
    ]) {
      expect(parseIsoDate(text)).toBe(noon)
    }
    expect(parseIsoDate('2024-02-29')).toBe(Date.UTC(2024, 1, 29))
  })

  it('refuses days and times that there are not', () => {
    for (const text of [
      '',
      '2024',
      '2023-02-29T00:00:00Z',
      '2023-02-29T00:00:00.000Z',
      '2024-02-30',
      '2024-04-31T00:00:00Z',
      '2024-00-01T00:00:00Z',
      '2024-13-01T00:00:00Z',
      '2024-01-00T00:00:00Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T23:60:00Z',
      '2024-01-01T23:59:60Z',
      '2024-01-31T24:00:00Z',
      '2024-1-1',
      ' 2024-01-01',
      '2024-01-01T00:00:00Zx',
      'Monday',
    ]) {
      expect(parseIsoDate(text), text).toBeUndefined()
    }
  })
})
