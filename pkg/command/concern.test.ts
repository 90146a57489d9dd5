import { expect, test } from 'vitest'
import { encodeDocument } from '../bson/convert.ts'
import { parseReadConcern, parseWriteConcern } from './concern.ts'

test.each([
  [{}, true, true],
  [{ w: 1 }, true, true],
  [{ w: 'majority' }, true, true],
  [{ w: 'majority', j: false }, true, true],
  [{ w: 1, j: true }, true, true],
  [{ w: 1, j: false }, true, false],
  [{ j: 0 }, true, false],
  [{ w: 0 }, false, false],
  [{ w: 0.5 }, false, false],
  [{ w: { dc: 1 } }, true, true],
  [{ w: 1, wtimeout: 'anything' }, true, true],
])('the write concern %j: acknowledged %s, durable %s', (concern, acknowledged, durable) => {
  expect(parseWriteConcern(encodeDocument(concern))).toEqual({ acknowledged, durable })
})

test.each([
  [{ w: 2 }, 2, "cannot use 'w' > 1 when a host is not replicated"],
  [{ w: 'x' }, 2, `cannot use non-majority 'w' mode "x" when a host is not a member of a replica set`],
  [{ w: null }, 2, /non-majority/],
  [{ w: 51 }, 9, /not greater than 50/],
  [{ w: -1 }, 9, /not greater than 50/],
  [{ w: Number.NaN }, 9, /not greater than 50/],
  [{ w: true }, 9, /number, string, or object/],
  [{ w: {} }, 9, /tags/],
  [{ j: 'x' }, 14, /writeConcern.j/],
  [{ wtimeout: 2 ** 31 }, 9, /wtimeout/],
  [{ what: 1 }, 40415, "BSON field 'writeConcern.what' is an unknown field."],
  [{ provenance: 'me' }, 2, /provenance/],
])('the write concern %j is refused', (concern, code, message) => {
  expect(() => parseWriteConcern(encodeDocument(concern))).toThrowError(
    expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
  )
})

test.each(['local', 'available', 'majority'])('the read level %s is what a single node gives', (level) => {
  expect(() => parseReadConcern(encodeDocument({ level }), 'find', true)).not.toThrow()
})

test.each([
  [{ level: 'snapshot' }, true, 123],
  [{ level: 'linearizable' }, true, 123],
  [{ level: 'Local' }, true, 2],
  [{ level: 1 }, true, 14],
  [{ level: 'majority' }, false, 72],
  [{ x: 1 }, true, 40415],
  [{ afterClusterTime: 1 }, true, 14],
])('the read concern %j (allowed: %s) is refused with %d', (concern, allowed, code) => {
  expect(() => parseReadConcern(encodeDocument(concern), 'find', allowed)).toThrowError(
    expect.objectContaining({ code }),
  )
})
