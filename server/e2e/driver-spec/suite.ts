/** Needs ../shared/conformance beside the repository; `testdata/known-failing.txt` lists the tests that fail, each group with its reason. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mongoVersion } from '../../../pkg/command/version.ts'
import { runningServer } from '../running-server.ts'
import { parseKnownFailing } from '../vectors/ratchet.ts'
import { runSpecTest } from './runner.ts'
import { isMetBy, specFiles, specsAreHere, type Topology } from './spec.ts'

const list = new URL('testdata/known-failing.txt', import.meta.url)
const known = new Set(parseKnownFailing(readFileSync(list, 'utf8')).flatMap(({ patterns }) => patterns))

/** Runs the tests of these folders against a server of its own. */
export function describeSpecs(topology: Topology, folders: readonly string[]): void {
  describe.skipIf(!specsAreHere)('the tests of the driver specifications pass through the official driver', () => {
    const set = topology === 'replicaset' ? ['--repl-set', 'rs0'] : []
    const server = runningServer(['--set-parameter', 'enableTestCommands=1', ...set])
    for (const folder of specsAreHere ? folders : []) {
      for (const [path, file] of specFiles(folder)) {
        const tests = file.tests.filter(
          (each) =>
            each.skipReason === undefined &&
            isMetBy(file.runOnRequirements, mongoVersion, topology) &&
            isMetBy(each.runOnRequirements, mongoVersion, topology),
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
}
