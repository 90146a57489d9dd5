import { rawDocument } from '../bson/build.ts'
import { queryShapeHash } from './command-shape.ts'
import type { Explanation } from './explanation.ts'
import type { Operation } from './operation.ts'
import { mongoVersion } from './version.ts'

/** What is explained with what explain's reply says besides: the command itself, and who answers. `command`: undefined, it is not known as a document. */
export function explainReply(
  { databaseName, instance }: Operation,
  explanation: Explanation,
  command: Uint8Array | undefined,
): Explanation {
  return {
    ...explanation,
    queryShapeHash: command && queryShapeHash(databaseName, command),
    command: command === undefined ? {} : rawDocument(command),
    serverInfo: { host: instance.host.hostname, port: 0, version: mongoVersion, gitVersion: 'unknown' },
    serverParameters: {},
  }
}
