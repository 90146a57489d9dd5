import { Timestamp } from 'bson'
import { expect, test } from 'vitest'
import { timestampOf } from '../base/timestamp.ts'
import { encodeDocument } from '../bson/convert.ts'
import { parseReadConcern, parseWriteConcern } from './concern.ts'

const standalone = { command: 'find', allowed: true, snapshotAllowed: true, clusterTime: undefined }

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
  expect(() => parseReadConcern(encodeDocument({ level }), standalone)).not.toThrow()
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
  expect(() => parseReadConcern(encodeDocument(concern), { ...standalone, allowed })).toThrowError(
    expect.objectContaining({ code }),
  )
})

const member = { ...standalone, clusterTime: timestampOf(100, 5) }
const ts = (seconds: number, counter: number): Timestamp => new Timestamp({ t: seconds, i: counter })

test.each([
  [
    { level: 'snapshot', atClusterTime: ts(100, 5) },
    { level: 'snapshot', at: timestampOf(100, 5) },
  ],
  [{ afterClusterTime: ts(99, 7) }, { level: 'local', after: timestampOf(99, 7) }],
  [{ level: 'linearizable' }, { level: 'linearizable' }],
])('a replica set takes the read concern %j', (concern, expected) => {
  expect(parseReadConcern(encodeDocument(concern), member)).toMatchObject(expected)
})

test.each([
  [{ level: 'snapshot', atClusterTime: ts(100, 6) }, /must not be greater than the current clusterTime/],
  [{ afterClusterTime: ts(101, 1) }, /must not be greater than the current clusterTime/],
  [{ afterClusterTime: ts(0, 0) }, /null timestamp/],
  [{ level: 'majority', atClusterTime: ts(99, 1) }, /only if level is equal to snapshot/],
  [{ level: 'available', afterClusterTime: ts(99, 1) }, /majority, local, or snapshot/],
  [{ level: 'linearizable', afterClusterTime: ts(99, 1) }, /majority, local, or snapshot/],
  [{ level: 'snapshot', atClusterTime: ts(99, 1), afterClusterTime: ts(99, 1) }, /both/],
])('a replica set refuses the read concern %j', (concern, message) => {
  expect(() => parseReadConcern(encodeDocument(concern), member)).toThrowError(
    expect.objectContaining({ code: 72, message: expect.stringMatching(message) as string }),
  )
})

test('a command that has no snapshot reads refuses them', () => {
  const use = { ...member, command: 'count', snapshotAllowed: false }
  expect(() => parseReadConcern(encodeDocument({ level: 'snapshot' }), use)).toThrowError(
    expect.objectContaining({ code: 72 }),
  )
})

test.each([
  [{ w: 2, wtimeout: 50 }, 100, { w: 2, wtimeout: 50, provenance: 'clientSupplied' }],
  [{ w: 'fast' }, 79, { w: 'fast', wtimeout: 0, provenance: 'clientSupplied' }],
  [{ w: { dc: 1 } }, 100, { w: { dc: 1 }, wtimeout: 0, provenance: 'clientSupplied' }],
])('the write concern %j cannot be met by a replica set of one: %d', (concern, code, shown) => {
  expect(parseWriteConcern(encodeDocument(concern), true)).toMatchObject({
    acknowledged: true,
    durable: true,
    unmet: { code, errInfo: { writeConcern: shown } },
  })
})
