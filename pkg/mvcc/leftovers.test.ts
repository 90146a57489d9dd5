import { expect, test } from 'vitest'
import type { Timestamp } from '../base/timestamp.ts'
import { SeededRandom } from '../sim/random.ts'
import { Leftovers } from './leftovers.ts'
import { Snapshots } from './snapshots.ts'

test('gives back the last thousand versions in their order, each as soon as nobody needs it', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = new SeededRandom(seed)
    const snapshots = new Snapshots()
    const open: ReturnType<Snapshots['open']>[] = []
    const leftovers = new Leftovers()
    let model: { key: string; written: number; superseded: number }[] = []
    let now = 0
    for (let step = 0; step < 20_000; step++) {
      now++
      const draw = random.integer(10)
      if (draw < 5) {
        const key = random.bytes(1 + random.integer(8))
        const written = Math.max(0, now - random.integer(50))
        leftovers.add(key, key.length, written as Timestamp, now as Timestamp)
        model.push({ key: key.join(), written, superseded: now })
        model = model.slice(-1024)
      } else if (draw < 8) {
        const [oldest] = model
        const isFree =
          oldest !== undefined && !snapshots.needs(oldest.written as Timestamp, oldest.superseded as Timestamp)
        expect(leftovers.take(snapshots)).toBe(isFree)
        if (!isFree) continue
        model.shift()
        expect(leftovers.key.subarray(0, leftovers.keyLength).join()).toBe(oldest?.key)
        expect(leftovers.written).toBe(oldest?.written)
      } else if (draw < 9) open.push(snapshots.open(now as Timestamp))
      else open.splice(random.integer(open.length + 1), 1)[0]?.release()
    }
  }
})
