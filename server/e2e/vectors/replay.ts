/** Replays the third-party vectors that lie beside the repository against a server of its own. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const shared = join(root, '..', 'shared')
const folder = join(shared, 'conformance', 'mql')
const tool = join(shared, 'tools', 'replay-vectors.mjs')
const profile = 'mongodb/standalone'

/** Not judged: their outcome depends on how busy the machine is. */
export const unstable: readonly RegExp[] = []

export const vectorsAreHere = existsSync(folder) && existsSync(tool)

export interface Replayed {
  readonly ran: readonly string[]
  readonly failures: ReadonlyMap<string, string>
  readonly output: string
}

interface Requirements {
  readonly profiles?: readonly string[]
  readonly capabilities?: { readonly search?: boolean; readonly remote_target?: boolean }
  readonly xfail?: readonly { readonly engine: string }[]
}

/** `areas`: only files whose name begins with one of these. */
export async function replayVectors(areas: readonly string[] = []): Promise<Replayed> {
  const files = readdirSync(folder).filter(
    (name) => name.endsWith('.ndjson.gz') && (areas.length === 0 || areas.some((area) => name.startsWith(area))),
  )
  const home = mkdtempSync(join(tmpdir(), 'laura-vectors-'))
  const server = spawn(
    process.execPath,
    [
      'server/main.ts',
      'serve',
      '--dir',
      join(home, 'data'),
      '--mongo-port',
      '0',
      '--http-port',
      '0',
      '--log-level',
      'error',
    ],
    { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  try {
    const uri = await new Promise<string>((resolve, reject) => {
      let text = ''
      server.stdout.on('data', (chunk) => {
        text += String(chunk)
        const match = /(mongodb:\/\/\S+) ready/.exec(text)
        if (match !== null) resolve(match[1]!)
      })
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    })
    const results = join(home, 'results.json')
    const paths = files.map((name) => join(folder, name))
    const output = await run([tool, uri, ...paths, '--profile', profile, '--failures', '0', '--json', results])
    const { failures } = JSON.parse(readFileSync(results, 'utf8')) as { failures: Record<string, string> }
    const judged = (id: string): boolean => !unstable.some((pattern) => pattern.test(id))
    const ran = paths.flatMap(applicableIds).filter(judged)
    return { ran, failures: new Map(Object.entries(failures).filter(([id]) => judged(id))), output }
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill()
    await ended
    rmSync(home, { recursive: true, force: true })
  }
}

function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    child.once('error', reject)
    child.once('exit', () => resolve(output))
  })
}

/** The ids of a file's vectors that apply to the profile: the same choice as the replaying tool makes. */
function applicableIds(path: string): string[] {
  const lines = gunzipSync(readFileSync(path)).toString().split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; requires?: Requirements })
    .filter(({ requires: { profiles, capabilities, xfail } = {} }) => {
      if (profiles !== undefined && !profiles.includes(profile)) return false
      if (capabilities?.search === true || capabilities?.remote_target === true) return false
      return xfail?.some((each) => each.engine === 'mongodb') !== true
    })
    .map(({ id }) => id)
}
