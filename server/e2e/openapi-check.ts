/** Holds what a server answers against what its `/openapi.json` says it answers. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'

export interface Answered {
  readonly method: string
  /** With or without a query. */
  readonly path: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

interface Operation {
  readonly operationId: string
  readonly method: string
  readonly place: RegExp
  readonly responses: Readonly<Record<string, Described>>
}

export interface OpenapiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Pick<Operation, 'operationId' | 'responses'>>>>>
}

export class OpenapiCheck {
  readonly #operations: readonly Operation[]
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false })
  readonly #validators = new Map<object, ValidateFunction>()
  /** The operations that were answered as they should be, with the statuses of their answers. */
  readonly seen = new Map<string, Set<number>>()

  constructor({ paths }: OpenapiDocument) {
    this.#operations = Object.entries(paths).flatMap(([template, methods]) =>
      Object.entries(methods).map(([method, { operationId, responses }]) => ({
        operationId,
        method: method.toUpperCase(),
        place: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
        responses,
      })),
    )
  }

  static async of(base: string): Promise<OpenapiCheck> {
    return new OpenapiCheck((await (await fetch(`${base}/openapi.json`)).json()) as OpenapiDocument)
  }

  get operationIds(): string[] {
    return this.#operations.map(({ operationId }) => operationId)
  }

  /** Throws when the answer is not one that is described. What is asked of places that are not described is not looked at. */
  check(answered: Answered): void {
    const { method, status, text } = answered
    const [path] = answered.path.split('?')
    const operation = this.#operations.find((each) => each.method === method && each.place.test(path!))
    if (operation === undefined) return
    const not = (why: string) => new Error(`${method} ${answered.path}: ${status} ${text.slice(0, 300)}: ${why}`)
    const described = operation.responses[status] ?? (status >= 400 ? operation.responses['default'] : undefined)
    if (described === undefined) throw not(`answers of ${operation.operationId} have no such status`)
    this.#checkBody(answered, described, not)
    this.seen.set(operation.operationId, (this.seen.get(operation.operationId) ?? new Set()).add(status))
  }

  #checkBody({ headers, text }: Answered, { content }: Described, not: (why: string) => Error): void {
    const type = headers.get('content-type')?.split(';')[0]
    if (text === '' && (content === undefined || headers.get('preference-applied') === 'return=minimal')) return
    const schema = content?.[type ?? '']?.schema
    if (schema === undefined) throw not(`a body of type ${type}`)
    let validate = this.#validators.get(schema)
    if (validate === undefined) {
      validate = this.#ajv.compile(schema)
      this.#validators.set(schema, validate)
    }
    const body: unknown = /^application\/(?:problem\+)?json$/.test(type!) ? JSON.parse(text) : text
    if (!validate(body)) throw not(this.#ajv.errorsText(validate.errors))
  }
}
