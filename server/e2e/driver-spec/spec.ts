/** The files of the unified test format (MongoDB's driver specifications): their shape, and which of them a server must pass. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EJSON } from 'bson'

export type Json = Record<string, unknown>

export interface SpecOperation {
  readonly name: string
  readonly object: string
  readonly arguments?: Json
  readonly expectResult?: unknown
  readonly expectError?: Json
  readonly saveResultAsEntity?: string
  readonly ignoreResultAndError?: boolean
}

export interface SpecData {
  readonly databaseName: string
  readonly collectionName: string
  readonly createOptions?: Json
  readonly documents: readonly Json[]
}

export interface SpecEvents {
  readonly client: string
  readonly eventType?: string
  readonly events: readonly Readonly<Record<string, Json>>[]
  readonly ignoreExtraEvents?: boolean
}

export interface Requirement {
  readonly minServerVersion?: string
  readonly maxServerVersion?: string
  readonly topologies?: readonly string[]
  readonly serverless?: string
  readonly auth?: boolean
  readonly csfle?: unknown
}

export interface SpecTest {
  readonly description: string
  readonly operations: readonly SpecOperation[]
  readonly runOnRequirements?: readonly Requirement[]
  readonly expectEvents?: readonly SpecEvents[]
  readonly outcome?: readonly SpecData[]
  readonly skipReason?: string
}

export interface SpecFile {
  readonly description: string
  readonly createEntities?: readonly Readonly<Record<string, Json>>[]
  readonly initialData?: readonly SpecData[]
  readonly runOnRequirements?: readonly Requirement[]
  readonly tests: readonly SpecTest[]
}

const root = join(import.meta.dirname, '../../../../shared/conformance/driver-spec')

export const specsAreHere = existsSync(root)

/** Every file of the folder, by its path below the specifications' root. */
export function specFiles(folder: string): ReadonlyMap<string, SpecFile> {
  const paths = globSync('**/*.json', { cwd: join(root, folder) }).sort()
  return new Map(
    paths.map((path) => [
      `${folder}/${path}`,
      EJSON.parse(readFileSync(join(root, folder, path), 'utf8'), { relaxed: true }) as SpecFile,
    ]),
  )
}

export type Topology = 'single' | 'replicaset'

/** Whether one of the requirements holds for a server of the version without authentication; none: it does. */
export function isMetBy(
  requirements: readonly Requirement[] | undefined,
  version: string,
  topology: Topology,
): boolean {
  return requirements === undefined || requirements.some((requirement) => holds(requirement, version, topology))
}

function holds(requirement: Requirement, version: string, topology: Topology): boolean {
  const { minServerVersion, maxServerVersion, topologies, serverless, auth, csfle } = requirement
  if (minServerVersion !== undefined && compareVersions(version, minServerVersion) < 0) return false
  if (maxServerVersion !== undefined && compareVersions(version, maxServerVersion) > 0) return false
  if (topologies !== undefined && !topologies.includes(topology)) return false
  return serverless !== 'require' && auth !== true && csfle === undefined
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
