import { expect, test } from 'vitest'
import type { Timestamp } from '../base/timestamp.ts'
import { timestampMax, timestampMin } from '../base/timestamp.ts'
import { SeededRandom } from '../sim/random.ts'
import { simulatedWorld } from '../sim/world.ts'
import { Store } from '../storage/store.ts'
import { Snapshots } from './snapshots.ts'
import { VacuumSweep } from './vacuum.ts'
import { readVersion, versionSuffixLength } from './version-key.ts'
import { VersionedMap } from './versioned-map.ts'

interface Version {
  readonly key: string
  readonly written: Timestamp
  readonly length: number
}

/** Every version there is, in the order of the tree. */
function versionsOf(map: VersionedMap): Version[] {
  const versions: Version[] = []
  const cursor = map.tree.cursor()
  for (let found = cursor.first(); found; found = cursor.next()) {
    cursor.readKey()
    const keyEnd = cursor.keyLength - versionSuffixLength
    const { start, end } = cursor.readValue()
    const key = new TextDecoder().decode(cursor.key.subarray(0, keyEnd))
    versions.push({ key, written: readVersion(cursor.key, keyEnd), length: end - start })
  }
  cursor.close()
  return versions
}

/** What a sweep is to leave, one key at a time. */
function keptOf(versions: readonly Version[], snapshots: Snapshots): Version[] {
  return [...Map.groupBy(versions, ({ key }) => key).values()].flatMap((ofKey) => {
    let newer = timestampMax
    const kept = ofKey.filter(({ written }, i) => {
      const stays = i === 0 || snapshots.needs(written, newer)
      if (stays) newer = written
      return stays
    })
    return kept.length === 1 && kept[0]!.length === 0 ? [] : kept
  })
}

/** Ends in what no other byte of a key is, so that none is the beginning of another. */
function randomKey(random: SeededRandom): Uint8Array {
  const length = random.chance(0.05) ? 60 + random.integer(200) : 1 + random.integer(6)
  return new TextEncoder().encode(`${Array.from({ length }, () => 'ab'[random.integer(2)]).join('')}.`)
}

test.each([1, 2, 3, 4, 5, 6])(
  'a sweep leaves exactly what is needed, of keys and values that are long, too (seed %i)',
  (seed) => {
    const random = new SeededRandom(seed)
    const options = { pageSizeBytes: 512, cacheSizeBytes: 64 * 512, compression: 'none' } as const
    const { store } = Store.open(simulatedWorld(seed), 'data', options)
    const snapshots = new Snapshots()
    const map = new VersionedMap(store.createTree(), snapshots, 0, timestampMin)
    const keys = Array.from({ length: 150 }, () => randomKey(random))
    const ref = { bytes: new Uint8Array(0), start: 0, end: 0 }
    let now = 1
    for (let round = 0; round < 6; round++) {
      const open = [snapshots.open(now as Timestamp)]
      for (let step = 0; step < 1500; step++) {
        // Some are written so often that pages have versions of nothing else.
        const key = keys[random.chance(0.3) ? random.integer(2) : random.integer(keys.length)]!
        now += random.integer(2)
        if (random.chance(0.3)) open.push(snapshots.open(now++ as Timestamp))
        if (map.locate(key, key.length, now as Timestamp, ref) && random.chance(0.4)) map.removeLocated()
        else map.writeLocated(new Uint8Array(4000).fill(round), 0, random.chance(0.05) ? 4000 : 1 + random.integer(30))
      }
      // None, few or most go.
      const released = [0, 0.1, 0.9, 1][random.integer(4)]!
      for (const snapshot of open) if (random.chance(released)) snapshot.release()
      const before = versionsOf(map)
      const kept = keptOf(before, snapshots)
      const superseded = map.supersededCount
      const sweep = new VacuumSweep(map, snapshots)
      while (!sweep.slice(1 + random.integer(round % 2 === 0 ? 8 : 200)));
      expect(versionsOf(map)).toEqual(kept)
      expect(sweep.removedCount).toBe(before.length - kept.length)
      expect(map.supersededCount).toBe(superseded - sweep.removedCount)
      for (const snapshot of open) snapshot.release()
    }
    const sweep = new VacuumSweep(map, snapshots)
    while (!sweep.slice(500));
    expect(versionsOf(map)).toEqual(keptOf(versionsOf(map), snapshots))
    expect(map.supersededCount).toBe(0)
    expect(store.check([map.tree.root]).problems).toEqual([])
  },
)
