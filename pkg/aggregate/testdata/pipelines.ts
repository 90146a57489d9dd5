/** Pipelines over documents in memory, with temporary files in memory. */
import { buildArray, buildDocument } from '../../bson/build.ts'
import { decodeDocument } from '../../bson/convert.ts'
import type { PipelineHost } from '../host.ts'
import { optimise } from '../optimise.ts'
import { parsePipeline } from '../parse.ts'
import { DocumentRows } from '../rows.ts'
import { runPipeline, runWithin } from '../run.ts'
import type { PipelineOptions } from '../stage.ts'

/** What the stages make of the documents, paused at every third chance. */
export function run(
  stages: readonly Record<string, unknown>[],
  documents: readonly object[],
  options: Partial<PipelineOptions> = {},
): Record<string, unknown>[] {
  const pipeline = optimise(parsePipeline(buildArray(stages)))
  const encoded = documents.map((each) => buildDocument(each as Record<string, unknown>))
  let steps = 0
  const rows = runPipeline(pipeline, new DocumentRows(encoded), {
    nowMs: 0,
    pause: () => steps++ % 3 === 0,
    ...options,
  })
  const found: Record<string, unknown>[] = []
  for (;;) {
    if (rows.next()) found.push(decodeDocument(rows.bytes.slice(rows.start, rows.end)))
    else if (rows.paused === true) rows.save()
    else break
  }
  rows.close()
  return found
}

/** A host that counts the temporary files. `foreign`: the documents of every other collection. */
export class Files {
  made = 0
  open = 0
  readonly host: PipelineHost

  constructor(foreign: readonly Record<string, unknown>[] = []) {
    const documents = foreign.map((each) => buildDocument(each))
    this.host = {
      temporaryFile: () => this.#file(),
      open: (_, pipeline, run) => runWithin(pipeline, new DocumentRows(documents), run),
      foreign: () => ({
        isIndexed: () => false,
        documentCount: documents.length,
        find: () => new DocumentRows(documents),
        points: () => undefined,
      }),
    } as Partial<PipelineHost> as PipelineHost
  }

  #file(): ReturnType<PipelineHost['temporaryFile']> {
    this.made++
    this.open++
    let content = new Uint8Array(0)
    const write = (source: Uint8Array, offset: number, length: number, position: number): void => {
      if (position + length > content.length) {
        const grown = new Uint8Array(position + length)
        grown.set(content)
        content = grown
      }
      content.set(source.subarray(offset, offset + length), position)
    }
    return {
      path: '',
      size: () => content.length,
      read(target, offset, length, position) {
        const part = content.subarray(position, position + length)
        target.set(part, offset)
        return part.length
      },
      write,
      appendDurably: write,
      writeAsync: async (...given) => write(...given),
      sync: () => undefined,
      syncAsync: async () => undefined,
      truncate: (size) => {
        content = content.slice(0, size)
      },
      close: () => {
        this.open--
      },
    }
  }
}
