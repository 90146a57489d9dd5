/** A server of its own with a GraphQL client, for tests: in the test's process the runner loads a second copy of the graphql package. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LauraServer } from '../laura-process.ts'

// biome-ignore lint/suspicious/noExplicitAny: results of many shapes, looked at by expectations
export type Data = any
export interface Result {
  readonly data?: Data
  readonly errors?: { readonly message: string; readonly extensions: Record<string, unknown> }[]
}

export class GraphqlServer {
  readonly server: LauraServer
  readonly #folder: string

  private constructor(server: LauraServer, folder: string) {
    this.server = server
    this.#folder = folder
  }

  /** `args`: of `laura serve`. */
  static async start(args: readonly string[] = []): Promise<GraphqlServer> {
    const folder = mkdtempSync(join(tmpdir(), 'laura-graphql-'))
    return new GraphqlServer(await LauraServer.start(folder, args), folder)
  }

  async stop(): Promise<void> {
    await this.server.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** `http://127.0.0.1:port` */
  get base(): string {
    return this.server.httpUri
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  }

  /** Runs a command of the database. Throws when it fails. */
  async command(body: object, database = 'library'): Promise<Record<string, unknown>> {
    const response = await this.post(`/v1/databases/${database}/command`, body)
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return JSON.parse(text) as Record<string, unknown>
  }

  async ask(query: string, variables?: object, database = 'library'): Promise<Result> {
    return (await (await this.post(`/graphql/${database}`, { query, variables })).json()) as Result
  }

  /** The data of an answer without errors. */
  async data(query: string, variables?: object, database = 'library'): Promise<Data> {
    const result = await this.ask(query, variables, database)
    if (result.errors !== undefined) throw new Error(JSON.stringify(result.errors))
    return result.data
  }
}
