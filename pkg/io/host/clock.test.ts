import { expect, it } from 'vitest'
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
