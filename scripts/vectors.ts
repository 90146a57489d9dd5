/**
 * npm run vectors [-- --update] [-- --area core-operator-query ...]
 *
 * Replays the third-party conformance vectors, prints a line per area and what differs from the list of those known to fail.
 * `--update` writes the list anew: read the difference before you commit it.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { formatKnownFailing, judge, parseKnownFailing } from '../server/e2e/vectors/ratchet.ts'
import { replayVectors, vectorsAreHere } from '../server/e2e/vectors/replay.ts'

const { values } = parseArgs({
  options: { update: { type: 'boolean', default: false }, area: { type: 'string', multiple: true, default: [] } },
})
const list = new URL('../server/e2e/vectors/testdata/known-failing.txt', import.meta.url)
if (!vectorsAreHere) {
  console.error('the vectors are expected in ../shared/conformance/mql')
  process.exit(2)
}
if (values.update && values.area.length > 0) {
  console.error('--update needs the results of all areas')
  process.exit(2)
}
const { ran, failures, output } = await replayVectors(values.area)
console.log(output)
if (values.update) {
  mkdirSync(new URL('.', list), { recursive: true })
  writeFileSync(list, formatKnownFailing(ran, failures))
  console.log(`${failures.size} of ${ran.length} vectors are on the list now`)
} else {
  const { regressions, improvements } = judge(parseKnownFailing(readFileSync(list, 'utf8')), ran, failures)
  for (const line of regressions) console.log(`not on the list: ${line}`)
  for (const id of improvements) console.log(`passes now: ${id}`)
  if (regressions.length + improvements.length > 0) process.exitCode = 1
}
