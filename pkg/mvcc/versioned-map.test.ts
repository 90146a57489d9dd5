import { expect, test } from 'vitest'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMin } from '../base/timestamp.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from '../storage/store.ts'
import type { ValueRef } from '../storage/tree.ts'
import { type Snapshot, Snapshots } from './snapshots.ts'
import { VacuumSweep } from './vacuum.ts'
import { VersionCursor } from './version-cursor.ts'
import { VersionedMap } from './versioned-map.ts'

const newValue = (): ValueRef => ({ bytes: new Uint8Array(0), start: 0, end: 0 })

/** The dumb model: every state there ever was. */
class History {
  readonly states = new Map<number, Map<string, number>>()
  current = new Map<string, number>()

  at(timestamp: number): Map<string, number> {
    let latest: Map<string, number> = new Map()
    for (const [when, state] of this.states) if (when <= timestamp) latest = state
    return latest
  }
}

function keyOf(n: number): Uint8Array {
  return new Uint8Array([n % 3, 1, n, 0])
}

function textOf(bytes: Uint8Array, length: number): string {
  return bytes.subarray(0, length).join(',')
}

function readAll(map: VersionedMap, at: Timestamp, backward: boolean, saving: boolean): [string, number][] {
  const cursor = new VersionCursor(map, at)
  const entries: [string, number][] = []
  for (
    let found = backward ? cursor.last() : cursor.first();
    found;
    found = backward ? cursor.previous() : cursor.next()
  ) {
    const { value } = cursor
    const byte = value.bytes[value.start]!
    cursor.readKey()
    entries.push([textOf(cursor.keyBytes, cursor.keyLength), byte])
    if (saving) cursor.save()
  }
  cursor.close()
  return entries
}

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`reads at every open snapshot give that moment, both ways, with vacuum running (seed ${seed})`, () => {
    const random = new SeededRandom(seed)
    const { store } = Store.open(simulatedWorld(seed), 'data', {
      pageSizeBytes: 4096,
      cacheSizeBytes: 1 << 20,
      compression: 'none',
    })
    const snapshots = new Snapshots()
    const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
    const history = new History()
    const open: Snapshot[] = []
    const ref = newValue()
    let now = 1
    for (let step = 0; step < 3000; step++) {
      const draw = random.integer(100)
      const key = keyOf(random.integer(40))
      if (draw < 75) {
        now += random.integer(3)
        const at = now as Timestamp
        const name = textOf(key, key.length)
        const live = map.locate(key, key.length, at, ref)
        expect(live).toBe(history.current.has(name))
        if (live && draw < 25) {
          map.removeLocated()
          history.current.delete(name)
        } else {
          const value = 1 + random.integer(200)
          map.writeLocated(new Uint8Array([value]), 0, 1)
          history.current.set(name, value)
        }
        history.states.set(now, new Map(history.current))
      } else if (draw < 82) {
        open.push(snapshots.open(now as Timestamp))
        now++
      } else if (draw < 90) {
        open.splice(random.integer(open.length + 1), 1)[0]?.release()
      } else if (draw < 92) {
        const sweep = new VacuumSweep(map, snapshots)
        while (!sweep.slice(1 + random.integer(20)));
        if (open.length === 0) expect(map.supersededCount).toBe(0)
      } else {
        for (const at of [now as Timestamp, ...open.map((snapshot) => snapshot.timestamp)]) {
          const expected = [...history.at(at)].sort(([a], [b]) => compareNames(a, b))
          expect(readAll(map, at, false, random.integer(2) === 0)).toEqual(expected)
          expect(readAll(map, at, true, random.integer(2) === 0)).toEqual(expected.toReversed())
          const name = textOf(key, key.length)
          expect(map.get(key, key.length, at, ref) ? ref.bytes[ref.start] : undefined).toBe(history.at(at).get(name))
        }
      }
    }
    for (const snapshot of open) snapshot.release()
    const sweep = new VacuumSweep(map, snapshots)
    while (!sweep.slice(7));
    expect(map.supersededCount).toBe(0)
    expect(readAll(map, now as Timestamp, false, false).length).toBe(history.current.size)
  })
}

function compareNames(a: string, b: string): number {
  const [x, y] = [a.split(',').map(Number), b.split(',').map(Number)]
  for (let i = 0; i < 4; i++) if (x[i] !== y[i]) return x[i]! - y[i]!
  return 0
}

/** Entries that are not the live newest version of their key, counted one by one. */
function countSuperseded(map: VersionedMap): number {
  const cursor = map.tree.cursor()
  let count = 0
  let previous = ''
  for (let on = cursor.first(); on; on = cursor.next()) {
    cursor.readKey()
    const name = textOf(cursor.key, cursor.keyLength - 7)
    const value = cursor.readValue()
    if (name === previous || value.end === value.start) count++
    previous = name
  }
  cursor.close()
  return count
}

for (const seed of [11, 12, 13, 14, 15, 16, 17, 18]) {
  test(`writes between the slices of vacuum and the steps of walks change neither (seed ${seed})`, () => {
    const random = new SeededRandom(seed)
    const { store } = Store.open(simulatedWorld(seed), 'data', {
      pageSizeBytes: 512,
      cacheSizeBytes: 64 * 512,
      compression: 'none',
    })
    const snapshots = new Snapshots()
    const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
    const history = new History()
    const ref = newValue()
    let now = 1
    let sweep = new VacuumSweep(map, snapshots)
    const walks: {
      walk: VersionCursor
      snapshot: Snapshot
      left: [string, number][]
      backward: boolean
      begun: boolean
    }[] = []
    let finished = 0
    for (let step = 0; step < 8000; step++) {
      const draw = random.integer(100)
      const key = keyOf(random.integer(60))
      if (draw < 50) {
        now += random.integer(3)
        const name = textOf(key, key.length)
        if (map.locate(key, key.length, now as Timestamp, ref) && draw < 25) {
          map.removeLocated()
          history.current.delete(name)
        } else {
          const value = 1 + random.integer(200)
          map.writeLocated(new Uint8Array([value]), 0, 1)
          history.current.set(name, value)
        }
        history.states.set(now, new Map(history.current))
      } else if (draw < 55 && walks.length < 6) {
        const snapshot = snapshots.open(now as Timestamp)
        const backward = random.integer(2) === 0
        const all = [...history.at(now as Timestamp)].sort(([a], [b]) => compareNames(a, b))
        const left = backward ? all.toReversed() : all
        walks.push({ walk: new VersionCursor(map, snapshot.timestamp), snapshot, left, backward, begun: false })
        now++
      } else if (draw < 75 && walks.length > 0) {
        const at = random.integer(walks.length)
        const state = walks[at]!
        const { walk, backward } = state
        let on = true
        for (let i = 0; i < 1 + random.integer(12) && on; i++) {
          if (state.begun) on = backward ? walk.previous() : walk.next()
          else on = backward ? walk.last() : walk.first()
          state.begun = true
          const expected = state.left.shift()
          expect(on).toBe(expected !== undefined)
          if (!on) break
          walk.readKey()
          expect([textOf(walk.keyBytes, walk.keyLength), walk.value.bytes[walk.value.start]]).toEqual(expected)
        }
        if (on) walk.save()
        else {
          walk.close()
          state.snapshot.release()
          walks.splice(at, 1)
          finished++
        }
      } else if (draw < 95) {
        if (sweep.slice(1 + random.integer(8))) sweep = new VacuumSweep(map, snapshots)
      } else expect(map.supersededCount).toBe(countSuperseded(map))
    }
    expect(finished).toBeGreaterThan(50)
  })
}

test('a key written again and again while readers come and go keeps what they need, without vacuum', () => {
  const { store } = Store.open(simulatedWorld(1), 'data', {
    pageSizeBytes: 4096,
    cacheSizeBytes: 64 * 4096,
    compression: 'none',
  })
  const snapshots = new Snapshots()
  const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
  const ref = newValue()
  const keys = [keyOf(1), keyOf(2), keyOf(3)]
  const open: Snapshot[] = []
  for (let now = 1; now <= 2000; now++) {
    const key = keys[now % keys.length]!
    // Some are removed and come back.
    if (map.locate(key, key.length, now as Timestamp, ref) && now % 7 === 0) map.removeLocated()
    else map.writeLocated(new Uint8Array([now]), 0, 1)
    // There are always two readers, each of some twenty moments.
    if (now % 10 === 0) {
      open.push(snapshots.open(now as Timestamp))
      if (open.length > 2) open.shift()?.release()
    }
    expect(map.supersededCount).toBe(countSuperseded(map))
    // Beneath each key, a version for each reader, and one that the next write to it will drop.
    expect(map.supersededCount).toBeLessThanOrEqual(keys.length * 4)
  }
})

test('what was superseded beneath a reader goes with the writes that follow it, of whatever keys', () => {
  const { store } = Store.open(simulatedWorld(1), 'data', {
    pageSizeBytes: 512,
    cacheSizeBytes: 256 * 512,
    compression: 'none',
  })
  const snapshots = new Snapshots()
  const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
  const ref = newValue()
  let now = 1
  const write = (n: number): void => {
    const key = keyOf(n)
    map.locate(key, key.length, ++now as Timestamp, ref)
    map.writeLocated(new Uint8Array([n]), 0, 1)
  }
  for (let n = 0; n < 200; n++) write(n)
  const reader = snapshots.open(now as Timestamp)
  const moment = readAll(map, reader.timestamp, false, false)
  for (let n = 0; n < 100; n++) write(n)
  expect(map.supersededCount).toBe(100)
  expect(readAll(map, reader.timestamp, false, false)).toEqual(moment)
  reader.release()
  for (let n = 100; n < 150; n++) write(n)
  expect(map.supersededCount).toBe(0)
  expect(countSuperseded(map)).toBe(0)
  expect(readAll(map, now as Timestamp, false, false)).toEqual(moment)
})
