/**
 * npm run vectors [-- --update] [-- --replica-set] [-- --area core-operator-query ...]
 *
 * Replays the third-party conformance vectors, prints a line per area and what differs from the list of those known to fail. With
 * `--replica-set` those that are for a replica set only. `--update` writes the list anew: give what is new on it its reason
 * before you commit it.
 */
import { parseArgs } from 'node:util'
import { readKnownFailing, writeKnownFailing } from '../server/e2e/vectors/known-failing.ts'
import { formatKnownFailing, judge } from '../server/e2e/vectors/ratchet.ts'
import { replayVectors, vectorsAreHere } from '../server/e2e/vectors/replay.ts'

const { values } = parseArgs({
  options: {
    update: { type: 'boolean', default: false },
    'replica-set': { type: 'boolean', default: false },
    area: { type: 'string', multiple: true, default: [] },
  },
})
if (!vectorsAreHere) {
  console.error('the vectors are expected in ../shared/conformance/mql')
  process.exit(2)
}
if (values.update && values.area.length > 0) {
  console.error('--update needs the results of all areas')
  process.exit(2)
}
const profile = values['replica-set'] ? 'replica set' : 'standalone'
const known = readKnownFailing(profile)
const { ran, failures, output } = await replayVectors(profile, values.area)
console.log(output)
if (values.update) {
  writeKnownFailing(profile, formatKnownFailing(known, ran, failures))
  console.log(`${failures.size} of ${ran.length} vectors are on the list now`)
} else {
  const { regressions, improvements } = judge(known, ran, failures)
  for (const line of regressions) console.log(`not on the list: ${line}`)
  for (const id of improvements) console.log(`passes now: ${id}`)
  if (regressions.length + improvements.length > 0) process.exitCode = 1
}
