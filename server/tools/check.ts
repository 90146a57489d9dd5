/** `laura check DIR`: walks everything in a data directory and says what it found. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine } from '../node.ts'
import { Refusal } from '../refusal.ts'

/** Returns the exit code: 0 when there are no problems. Recovers the directory first, as a start of the server would. */
export async function checkDirectory(directory: string): Promise<number> {
  if (!existsSync(join(directory, 'data.laura')))
    throw new Refusal(`${directory} is not a data directory: there is no data.laura in it`)
  const engine = await openEngine(directory)
  try {
    const report = await engine.check()
    for (const problem of report.problems) process.stdout.write(`problem: ${problem}\n`)
    const count = (n: number, what: string) => `${n.toLocaleString('en')} ${what}`
    const checked = [
      count(report.collections, 'collections'),
      count(report.documents, 'documents'),
      count(report.indexEntries, 'index entries'),
      count(report.pages, 'pages'),
    ].join(', ')
    process.stdout.write(
      `checked ${checked}: ${report.problems.length === 0 ? 'no problems' : count(report.problems.length, 'problems')}\n`,
    )
    return report.problems.length === 0 ? 0 : 1
  } finally {
    await engine.close()
  }
}
