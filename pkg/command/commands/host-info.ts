import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { HostFacts } from '../instance.ts'
import type { Operation } from '../operation.ts'

const osTypes: Readonly<Record<string, string>> = { linux: 'Linux', darwin: 'Darwin', win32: 'Windows' }

interface HostInfo {
  readonly host: HostFacts
  readonly now: Date
}

/** The machine the server runs on. */
export const hostInfo = defineCommand({
  name: 'hostInfo',
  aliases: ['hostinfo'],
  help: 'the machine the server runs on',
  kind: 'commands',
  fields: commandFields('hostInfo', { hostInfo: { type: anyType }, hostinfo: { type: anyType } }),
  parse: noRequest,
  run: (operation: Operation): HostInfo => ({
    host: operation.instance.host,
    now: new Date(operation.instance.world.clock.nowMs()),
  }),
  reply: ({ host, now }: HostInfo, writer: BsonWriter) => {
    const memoryMb = Math.max(1, Math.round(host.memoryBytes / 1048576))
    writeFields(writer, {
      system: {
        currentTime: now,
        hostname: host.hostname,
        cpuAddrSize: 64,
        memSizeMB: memoryMb,
        memLimitMB: memoryMb,
        numCores: host.cpuCount,
        numCoresAvailableToProcess: host.cpuCount,
        numPhysicalCores: host.cpuCount,
        numCpuSockets: 1,
        cpuArch: host.architecture || 'unknown',
        numaEnabled: false,
        numNumaNodes: 1,
      },
      os: { type: osTypes[host.platform] ?? host.platform, name: host.platform, version: host.release },
      extra: { versionString: host.release, pageSize: 4096 },
    })
  },
})
