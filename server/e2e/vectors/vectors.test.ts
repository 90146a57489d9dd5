import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { judge, parseKnownFailing } from './ratchet.ts'
import { replayVectors, vectorsAreHere } from './replay.ts'

const knownFailing = new URL('testdata/known-failing.txt', import.meta.url)

/** Needs ../shared/conformance beside the repository. `npm run vectors -- --update` writes the list anew. */
test.skipIf(!vectorsAreHere)('third-party vectors pass but for those on the list', { timeout: 480_000 }, async () => {
  const groups = parseKnownFailing(readFileSync(knownFailing, 'utf8'))
  const { ran, failures } = await replayVectors()
  const verdict = judge(groups, ran, failures)
  expect(verdict.regressions.slice(0, 20), 'vectors that fail and are not on the list').toEqual([])
  expect(verdict.improvements.slice(0, 20), 'vectors on the list that pass: take them off').toEqual([])
})
