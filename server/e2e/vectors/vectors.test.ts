import { expect, test } from 'vitest'
import { readKnownFailing } from './known-failing.ts'
import { judge } from './ratchet.ts'
import { type Profile, replayVectors, vectorsAreHere } from './replay.ts'

const profiles: readonly Profile[] = ['standalone', 'replica set']

/** Needs ../shared/conformance beside the repository. `npm run vectors -- --update` writes the lists anew. */
test.skipIf(!vectorsAreHere).for(profiles)(
  'third-party vectors for a %s pass but for those on its list',
  { timeout: 600_000 },
  async (profile) => {
    const { ran, failures } = await replayVectors(profile)
    const verdict = judge(readKnownFailing(profile), ran, failures)
    expect(verdict.regressions.slice(0, 20), 'vectors that fail and are not on the list').toEqual([])
    expect(verdict.improvements.slice(0, 20), 'vectors on the list that pass: take them off').toEqual([])
  },
)
