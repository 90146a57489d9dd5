import { expect, test } from 'vitest'
import { formatKnownFailing, judge, parseKnownFailing, unexamined } from './ratchet.ts'

const ran = ['a.py::x[1]', 'a.py::x[2]', 'b.py::y[1]', 'b.py::y[2]', 'c.py::z']
const failures = new Map([
  ['a.py::x[1]', 'Unrecognized expression $q'],
  ['a.py::x[2]', 'Unrecognized expression $q'],
  ['b.py::y[2]', 'got 1 expected 2'],
])

test('what is written for some results is satisfied by those results', () => {
  const text = formatKnownFailing([], ran, failures)
  expect(text).toContain('a.py::*\n')
  expect(judge(parseKnownFailing(text), ran, failures)).toEqual({ regressions: [], improvements: [] })
})

test('a list that is written again keeps its groups, without those that pass, and names what is new', () => {
  const known = parseKnownFailing('# no $q\na.py::*\n\n# old\nb.py::y[1]\nc.py::z\n')
  expect(formatKnownFailing(known, ran, failures)).toBe(`# no $q\na.py::*\n\n# ${unexamined}\nb.py::y[2]\n`)
})

test('a new failure is a regression, and a known one that passes must leave the list', () => {
  const groups = parseKnownFailing(formatKnownFailing([], ran, failures))
  const changed = new Map([
    ['a.py::x[1]', 'Unrecognized expression $q'],
    ['c.py::z', 'oops'],
  ])
  expect(judge(groups, ran, changed)).toEqual({
    regressions: ['c.py::z: oops'],
    improvements: ['a.py::x[2]', 'b.py::y[2]'],
  })
})
