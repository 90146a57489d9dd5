/** Who gets how much of a thread that a scan, short requests and other scans share. Simulated: an action takes as long as it says. */
import { describe, expect, it } from 'vitest'
import type { Clock } from '../io/clock.ts'
import { SeededRandom } from '../sim/random.ts'
import { FairShare } from './fair-share.ts'

/**
 * A thread with rounds as those of Node's event loop: what is deferred in one round runs in the next, in its order; and timers, which a disk is
 * made of. An empty round takes a microsecond.
 */
class Thread implements Clock {
  #nowMs = 0
  #deferred: (() => void)[] = []
  readonly #timers: { dueMs: number; action: () => void }[] = []

  nowMs(): number {
    return this.#nowMs
  }
  monotonicMs(): number {
    return this.#nowMs
  }
  idleMs(): number {
    return 0
  }
  work(ms: number): void {
    this.#nowMs += ms
  }
  defer(action: () => void): void {
    this.#deferred.push(action)
  }
  yield(): Promise<void> {
    return new Promise((resolve) => this.defer(resolve))
  }
  setTimer(delayMs: number, action: () => void): { cancel(): void } {
    this.#timers.push({ dueMs: this.#nowMs + delayMs, action })
    return { cancel: () => undefined }
  }
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.setTimer(ms, resolve))
  }

  async runUntil(endMs: number): Promise<void> {
    while (this.#nowMs < endMs) {
      this.#nowMs += 0.001
      const deferred = this.#deferred
      this.#deferred = []
      for (const action of deferred) {
        action()
        await settled()
      }
      if (this.#deferred.length === 0) this.#nowMs = Math.max(this.#nowMs, this.#nextTimerMs())
      for (const timer of this.#timers.filter(({ dueMs }) => dueMs <= this.#nowMs)) {
        this.#timers.splice(this.#timers.indexOf(timer), 1)
        timer.action()
        await settled()
      }
    }
  }

  #nextTimerMs(): number {
    return Math.min(...this.#timers.map(({ dueMs }) => dueMs))
  }
}

/** What promises that were settled lead to has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined
}

interface Party {
  usedMs: number
  /** The longest time that it waited for its turn. */
  waitedMs: number
  pauses: number
}

const newParty = (): Party => ({ usedMs: 0, waitedMs: 0, pauses: 0 })

/** Works on and on, in steps of `stepMs`. */
function scan(thread: Thread, share: FairShare, stepMs: number): Party {
  const party = newParty()
  const run = async (): Promise<void> => {
    let sliceStartMs = thread.monotonicMs()
    let { sliceMs } = share
    for (;;) {
      thread.work(stepMs)
      party.usedMs += stepMs
      const workedMs = thread.monotonicMs() - sliceStartMs
      if (workedMs < sliceMs) continue
      party.pauses++
      await share.pause(workedMs)
      party.waitedMs = Math.max(party.waitedMs, thread.monotonicMs() - sliceStartMs - workedMs)
      sliceStartMs = thread.monotonicMs()
      sliceMs = share.sliceMs
    }
  }
  void run()
  return party
}

/** One request after the other: each takes `rounds` rounds, `roundMs` of the thread in each, and `restMs` to the next. */
function client(thread: Thread, roundMs: number, rounds: number, restMs = 0): Party {
  const party = newParty()
  const run = async (): Promise<void> => {
    for (;;) {
      for (let round = 0; round < rounds; round++) {
        const askedMs = thread.monotonicMs()
        await thread.yield()
        party.waitedMs = Math.max(party.waitedMs, thread.monotonicMs() - askedMs)
        thread.work(roundMs)
        party.usedMs += roundMs
      }
      if (restMs > 0) await thread.sleep(restMs)
    }
  }
  void run()
  return party
}

describe('a scan and others that want all of the thread', () => {
  it.each([
    ['a writer with little in each round', 1, 0.1, 3],
    ['sixteen writers', 16, 0.03, 2],
    ['one with much in each round', 1, 4, 1],
    ['a hundred', 100, 0.05, 3],
  ])('get about the same: %s', async (_, clients, roundMs, rounds) => {
    const thread = new Thread()
    const scanning = scan(thread, new FairShare(thread), 0.05)
    const others = Array.from({ length: clients }, () => client(thread, roundMs, rounds))
    await thread.runUntil(3000)
    const othersMs = others.reduce((sum, { usedMs }) => sum + usedMs, 0)
    expect(scanning.usedMs / (scanning.usedMs + othersMs)).toBeGreaterThan(0.4)
    expect(scanning.usedMs / (scanning.usedMs + othersMs)).toBeLessThan(0.6)
  })

  it('get about the same whatever each of them takes', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = new SeededRandom(seed)
      const thread = new Thread()
      const scanning = scan(thread, new FairShare(thread), 0.01 + random.next() * 0.5)
      const others = Array.from({ length: 1 + random.integer(30) }, () =>
        client(thread, 0.03 + random.next() * 0.3, 1 + random.integer(4)),
      )
      await thread.runUntil(2000)
      const othersMs = others.reduce((sum, { usedMs }) => sum + usedMs, 0)
      const share = scanning.usedMs / (scanning.usedMs + othersMs)
      expect(share, `seed ${seed}`).toBeGreaterThan(0.3)
      expect(share, `seed ${seed}`).toBeLessThan(0.7)
    }
  })
})

describe('scans beside each other', () => {
  it('get the same, and leave others as much as one of them has', async () => {
    const thread = new Thread()
    const share = new FairShare(thread)
    const scans = [0.05, 0.1, 0.02].map((stepMs) => scan(thread, share, stepMs))
    const others = Array.from({ length: 16 }, () => client(thread, 0.03, 2))
    await thread.runUntil(4000)
    const used = scans.map(({ usedMs }) => usedMs)
    const othersMs = others.reduce((sum, { usedMs }) => sum + usedMs, 0)
    expect(Math.max(...used) / Math.min(...used)).toBeLessThan(1.3)
    expect(othersMs / Math.max(...used)).toBeGreaterThan(0.7)
    expect(othersMs / Math.min(...used)).toBeLessThan(1.5)
  })

  it('do not take each other for somebody who is brief', async () => {
    const thread = new Thread()
    const share = new FairShare(thread)
    const scans = [scan(thread, share, 0.05), scan(thread, share, 0.05)]
    await thread.runUntil(2000)
    for (const { usedMs, pauses } of scans) {
      expect(usedMs).toBeGreaterThan(950)
      // As long slices as of one that is alone.
      expect(pauses).toBeLessThan(1000 / 5)
    }
  })
})

describe('a scan alone', () => {
  it('loses next to nothing', async () => {
    const thread = new Thread()
    const scanning = scan(thread, new FairShare(thread), 0.05)
    await thread.runUntil(3000)
    expect(scanning.usedMs).toBeGreaterThan(2990)
    expect(scanning.pauses).toBeLessThan(3000 / 5)
  })

  it('has the thread to itself again soon after others have gone', async () => {
    const thread = new Thread()
    const share = new FairShare(thread)
    scan(thread, share, 0.05)
    for (let i = 0; i < 5; i++) thread.setTimer(20, () => thread.work(0.2))
    let shortestMs = share.sliceMs
    for (let ms = 1; ms < 60; ms++) {
      await thread.runUntil(ms)
      shortestMs = Math.min(shortestMs, share.sliceMs)
    }
    expect(shortestMs).toBeLessThan(1.5)
    expect(share.sliceMs).toBe(6)
  })
})

describe('a client that asks now and then, beside a scan', () => {
  it('waits for one slice of a scan that is alone at most', async () => {
    const thread = new Thread()
    scan(thread, new FairShare(thread), 0.05)
    const asking = client(thread, 0.05, 1, 50)
    await thread.runUntil(3000)
    expect(asking.waitedMs).toBeLessThan(7)
  })

  it('waits for short slices when it asks again at once', async () => {
    const thread = new Thread()
    const share = new FairShare(thread)
    scan(thread, share, 0.05)
    const asking = client(thread, 0.05, 1, 0.1)
    await thread.runUntil(3000)
    expect(share.sliceMs).toBeLessThan(2)
    expect(asking.usedMs).toBeGreaterThan(3000 * 0.06)
  })
})
