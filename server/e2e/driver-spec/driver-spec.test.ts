/** Needs ../shared/conformance beside the repository; `testdata/known-failing.txt` lists the tests that fail, each group with its reason. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mongoVersion } from '../../../pkg/command/version.ts'
import { runningServer } from '../running-server.ts'
import { parseKnownFailing } from '../vectors/ratchet.ts'
import { runSpecTest } from './runner.ts'
import { isMetBy, specFiles, specsAreHere } from './spec.ts'

const folders = ['crud', 'collection-management', 'index-management', 'run-command', 'gridfs']
const list = new URL('testdata/known-failing.txt', import.meta.url)
const known = new Set(parseKnownFailing(readFileSync(list, 'utf8')).flatMap(({ patterns }) => patterns))

describe.skipIf(!specsAreHere)('the tests of the driver specifications pass through the official driver', () => {
  const server = runningServer(['--set-parameter', 'enableTestCommands=1'])
  for (const folder of specsAreHere ? folders : []) {
    for (const [path, file] of specFiles(folder)) {
      const tests = file.tests.filter(
        (each) =>
          each.skipReason === undefined &&
          isMetBy(file.runOnRequirements, mongoVersion) &&
          isMetBy(each.runOnRequirements, mongoVersion),
      )
      for (const each of tests) {
        const id = `${path}: ${each.description}`
        test(id, async () => {
          const running = runSpecTest(server.uri, server.client, file, each)
          if (known.has(id)) await expect(running, 'it passes now: take it off the list').rejects.toThrow()
          else await running
        })
      }
    }
  }
})
