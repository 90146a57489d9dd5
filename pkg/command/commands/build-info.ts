import { documentSizeMax } from '../../base/limits.ts'
import { writeFields } from '../../bson/build.ts'
import type { BsonWriter } from '../../bson/writer.ts'
import { defineCommand, noRequest } from '../definition.ts'
import { anyType, commandFields } from '../fields.ts'
import type { Operation } from '../operation.ts'
import { mongoVersion, mongoVersionArray } from '../version.ts'

/** The version clients may count on, and LauraDB's own. */
export const buildInfo = defineCommand({
  name: 'buildInfo',
  aliases: ['buildinfo'],
  help: 'version and build of the server',
  kind: 'commands',
  fields: commandFields('buildInfo', { buildInfo: { type: anyType }, buildinfo: { type: anyType } }),
  parse: noRequest,
  run: (operation: Operation) => operation.instance.options.version,
  reply: (version: string, writer: BsonWriter) =>
    writeFields(writer, {
      version: mongoVersion,
      lauradb: { version },
      gitVersion: 'unknown',
      modules: [],
      allocator: 'system',
      javascriptEngine: 'none',
      sysInfo: 'deprecated',
      versionArray: mongoVersionArray,
      openssl: { running: 'none', compiled: 'none' },
      buildEnvironment: { target_arch: '', target_os: '' },
      bits: 64,
      debug: false,
      maxBsonObjectSize: documentSizeMax,
      storageEngines: ['lauradb'],
    }),
})
