import { expect, it, vi } from 'vitest'
import { HostClock } from './clock.ts'

it('takes a delay that is over for none', async () => {
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  await new Promise<void>((resolve) => {
    new HostClock().setTimer(-0.005, resolve)
  })
  // Warnings are told in a turn of their own.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  expect(warnings).toEqual([])
})

it('waits for as long as it is asked to, also for months', () => {
  vi.useFakeTimers()
  try {
    const clock = new HostClock()
    const day = 24 * 3_600_000
    const done: string[] = []
    clock.setTimer(70 * day, () => done.push('late'))
    const cancelled = clock.setTimer(70 * day, () => done.push('cancelled'))
    clock.setTimer(Number.POSITIVE_INFINITY, () => done.push('never'))
    vi.advanceTimersByTime(60 * day)
    expect(done).toEqual([])
    cancelled.cancel()
    vi.advanceTimersByTime(10 * day)
    expect(done).toEqual(['late'])
    vi.advanceTimersByTime(100 * day)
    expect(done).toEqual(['late'])
  } finally {
    vi.useRealTimers()
  }
})
