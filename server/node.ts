/** Puts the parts together: a directory, the engine on it, the command path over it. */
import os from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { version } from '../pkg/base/version.ts'
import { ConnectionContext } from '../pkg/command/context.ts'
import { Database } from '../pkg/command/dispatch.ts'
import type { HostFacts } from '../pkg/command/instance.ts'
import type { ReplicaSetOptions } from '../pkg/command/replica-set.ts'
import { Engine } from '../pkg/engine/engine.ts'
import type { EngineOptions } from '../pkg/engine/options.ts'
import { hostWorld } from '../pkg/io/host/world.ts'
import { compileIndexFilter } from '../pkg/query/index-filter.ts'

export interface NodeOptions {
  readonly dir: string
  readonly engine: Partial<EngineOptions>
  /** How the process was started, for getCmdLineOpts. */
  readonly arguments?: readonly string[]
  /** The node presents itself as the only member of a replica set. */
  readonly replicaSet?: ReplicaSetOptions | undefined
  /** A defect surfaced in a command; the client has got InternalError. */
  readonly onInternalError?: (error: unknown, command: string) => void
  /** An operation took long; the document says which. */
  readonly onSlowOperation?: (operation: Uint8Array) => void
  /** A client asked the server to stop. */
  readonly onShutdown?: () => void
  readonly recentLog?: () => readonly string[]
}

export interface Node {
  readonly engine: Engine
  readonly database: Database
  /** Ends what runs, checkpoints, lets go of the directory. */
  close(): Promise<void>
}

/** Opens (and recovers) the directory. Throws what `Engine.open` throws. */
export async function openNode({ dir, engine: engineOptions, ...options }: NodeOptions): Promise<Node> {
  const engine = await openEngine(dir, engineOptions)
  const database = new Database(engine, engine.world, { version, host: hostFacts(), ...options })
  return {
    engine,
    database,
    async close() {
      database.close()
      await engine.close()
    },
  }
}

export function openEngine(dir: string, options: Partial<EngineOptions> = {}): Promise<Engine> {
  const path = resolve(dir)
  return Engine.open(hostWorld(dirname(path)), basename(path) || '.', { compileFilter: compileIndexFilter, ...options })
}

/** A context for commands that this process itself runs. */
export function ownContext(): ConnectionContext {
  return new ConnectionContext({ connectionId: 0, remoteAddress: '' })
}

function hostFacts(): HostFacts {
  return {
    hostname: os.hostname(),
    platform: os.platform(),
    release: os.release(),
    architecture: os.arch(),
    cpuCount: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    pid: process.pid,
    residentBytes: () => process.memoryUsage.rss(),
    pageFaults: () => process.resourceUsage().majorPageFault,
  }
}
