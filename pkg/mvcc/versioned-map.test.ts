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
