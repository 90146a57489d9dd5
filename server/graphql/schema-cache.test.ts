import { describe, expect, it } from 'vitest'
import { SchemaCache } from './schema-cache.ts'

/** A cache of numbered things whose making and versions the test decides. */
function cacheOf(most: number) {
  const versions = new Map<string, number>()
  const begun: { name: string; finish(): void; fail(error: Error): void }[] = []
  const stopped: string[] = []
  const cache = new SchemaCache<number, string>({
    entriesMax: most,
    make: (name, version) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      begun.push({ name, finish: () => resolve(`${name}@${version}`), fail: reject })
      return promise
    },
    stop: (made) => {
      stopped.push(made)
      return Promise.resolve()
    },
  })
  const lend = (name: string) => {
    const version = versions.get(name) ?? 0
    return cache.lend(
      name,
      (before) => before === version,
      () => version,
    )
  }
  const lendMade = async (name: string) => {
    const lending = lend(name)
    begun.at(-1)?.finish()
    return lending
  }
  return { cache, versions, begun, stopped, lend, lendMade }
}

describe('a schema cache', () => {
  it('makes one schema for all who ask while it is being made', async () => {
    const { begun, stopped, lend } = cacheOf(2)
    const [first, second] = [lend('a'), lend('a')]
    expect(begun).toHaveLength(1)
    begun[0]!.finish()
    expect([(await first).made, (await second).made]).toEqual(['a@0', 'a@0'])
    expect(stopped).toEqual([])
  })

  it('makes one for all who find the same one stale, and stops that once nobody uses it', async () => {
    const { versions, begun, stopped, lend, lendMade } = cacheOf(2)
    const old = await lendMade('a')
    versions.set('a', 1)
    const [first, second] = [lend('a'), lend('a')]
    expect(begun).toHaveLength(2)
    begun[1]!.finish()
    expect([(await first).made, (await second).made]).toEqual(['a@1', 'a@1'])
    expect(stopped).toEqual([])
    old.release()
    old.release()
    await expect.poll(() => stopped).toEqual(['a@0'])
  })

  it('stops one that grew stale while it was made', async () => {
    const { versions, begun, stopped, lend } = cacheOf(2)
    const early = lend('a')
    versions.set('a', 1)
    const late = lend('a')
    for (const { finish } of begun) finish()
    expect([(await early).made, (await late).made]).toEqual(['a@0', 'a@1'])
    ;(await early).release()
    await expect.poll(() => stopped).toEqual(['a@0'])
  })

  it('keeps those used last, and those in use however many they are', async () => {
    const { begun, stopped, lend, lendMade } = cacheOf(2)
    const a = await lendMade('a')
    for (const name of ['b', 'c', 'd']) (await lendMade(name)).release()
    await expect.poll(() => stopped).toEqual(['b@0', 'c@0'])
    await lend('a').then(({ release }) => release())
    expect(begun).toHaveLength(4)
    a.release()
    ;(await lendMade('e')).release()
    await expect.poll(() => stopped).toEqual(['b@0', 'c@0', 'd@0'])
    await lend('a').then(({ release }) => release())
    expect(begun).toHaveLength(5)
  })

  it('lets go of those that were in use when it was full, once they are not', async () => {
    const { stopped, lendMade } = cacheOf(1)
    const all = []
    for (const name of ['a', 'b', 'c']) all.push(await lendMade(name))
    expect(stopped).toEqual([])
    for (const { release } of all) release()
    await expect.poll(() => stopped).toEqual(['a@0', 'b@0'])
  })

  it('tells all who wait when a schema cannot be made, and tries again for the next', async () => {
    const { begun, stopped, lend, lendMade } = cacheOf(2)
    const waiting = Promise.allSettled([lend('a'), lend('a')])
    begun[0]!.fail(new Error('no'))
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect((await lendMade('a')).made).toBe('a@0')
    expect(stopped).toEqual([])
  })

  it('stops all when it is closed, the used ones when they are given back', async () => {
    const { cache, stopped, lendMade } = cacheOf(2)
    const a = await lendMade('a')
    ;(await lendMade('b')).release()
    await cache.close()
    expect(stopped).toEqual(['b@0'])
    a.release()
    await expect.poll(() => stopped).toEqual(['b@0', 'a@0'])
  })
})
