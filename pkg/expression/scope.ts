/** Which variables an expression may name: their values, or the slots of `EvaluationContext.variables` where those will be. */
import { DatabaseError } from '../base/errors.ts'
import type { Value } from '../bson/value.ts'
import { simpleOrder, type ValueOrder } from '../bson/value-order.ts'
import type { Collation } from '../collation/collation.ts'
import { parseCollation } from '../collation/spec.ts'
import type { AvailableMetadata } from './available-metadata.ts'
import { type Expression, missing, rootVariable } from './expression.ts'
import { pathOfValue } from './field-path.ts'
import { ownedValue } from './owned-value.ts'

/** Why a variable has no value here. */
interface Unavailable {
  readonly code: number
  readonly reason: string
}

/** A value of the system's: like the time it is no constant, which some stages ask for. */
interface SystemValue {
  readonly name: string
  readonly system: Value
}

/** A slot, a value that is known already, or why there is none. */
type Binding = number | Value | SystemValue | Unavailable

/** A scope as it is sent to another thread: its bindings beyond the system's, and the document of its collation. */
export interface PortableScope {
  readonly bindings: readonly (readonly [name: string, binding: Binding])[]
  readonly next: number
  readonly collation: Uint8Array | undefined
}

export class Scope {
  readonly #bindings: ReadonlyMap<string, Binding>
  readonly #allocation: { next: number }
  /** How strings compare where the expressions stand; undefined: by their bytes. */
  readonly collation: Collation | undefined
  /** What `$meta` may name; undefined: nobody knows. */
  readonly metadata: AvailableMetadata | undefined

  private constructor(
    bindings: ReadonlyMap<string, Binding>,
    allocation: { next: number },
    { collation, metadata }: Pick<Scope, 'collation' | 'metadata'>,
  ) {
    this.#bindings = bindings
    this.#allocation = allocation
    this.collation = collation
    this.metadata = metadata
  }

  /** The slots of its variables. */
  get slots(): number[] {
    return [...this.#bindings.values()].filter(
      (binding) => typeof binding === 'number' && binding > rootVariable,
    ) as number[]
  }

  get portable(): PortableScope {
    const bindings = [...this.#bindings].filter(([name, binding]) => systemBindings.get(name) !== binding)
    return {
      bindings: bindings.map(([name, binding]) => [name, portableBinding(binding)]),
      next: this.#allocation.next,
      collation: this.collation?.document,
    }
  }

  static of({ bindings, next, collation }: PortableScope): Scope {
    const all = new Map([...systemBindings, ...bindings])
    return new Scope(all, { next }, { collation: collation && parseCollation(collation), metadata: undefined })
  }

  /** The order of values here. */
  get order(): ValueOrder {
    return this.collation ?? simpleOrder
  }

  /** This scope where strings compare as the collation says. */
  withCollation(collation: Collation | undefined): Scope {
    if (collation === this.collation) return this
    return new Scope(this.#bindings, this.#allocation, { collation, metadata: this.metadata })
  }

  /** This scope in a pipeline whose documents have this metadata. */
  withMetadata(metadata: AvailableMetadata | undefined): Scope {
    return new Scope(this.#bindings, this.#allocation, { collation: this.collation, metadata })
  }

  /** ROOT, CURRENT, the time, and nothing of the user's. `clusterTime`: a timestamp, where there is such a time. */
  static outermost(clusterTime?: Value): Scope {
    const scope = new Scope(systemBindings, { next: rootVariable + 1 }, { collation: undefined, metadata: undefined })
    return clusterTime === undefined ? scope : scope.withClusterTime(clusterTime)
  }

  withClusterTime(value: Value): Scope {
    const binding: SystemValue = { name: `$$${clusterTimeName}`, system: value }
    return new Scope(new Map(this.#bindings).set(clusterTimeName, binding), this.#allocation, this)
  }

  /** This scope in a place where nothing says what time it is. */
  withoutTime(): Scope {
    const bindings = new Map(this.#bindings)
    for (const name of ['NOW', clusterTimeName]) {
      bindings.set(name, { code: 51144, reason: `Builtin variable '$$${name}' is not available` })
    }
    return new Scope(bindings, this.#allocation, this)
  }

  /** This scope with a variable whose value is known: `$$USER_ROLES`, those of a command's `let`. */
  withConstant(name: string, value: Value): Scope {
    return new Scope(new Map(this.#bindings).set(name, value), this.#allocation, this)
  }

  /** This scope with further variables, and their slots in the order of the names. */
  with(names: readonly string[]): { scope: Scope; slots: number[] } {
    const slots = names.map(() => this.#allocation.next++)
    const inner = new Map(this.#bindings)
    names.forEach((name, i) => {
      inner.set(name, slots[i]!)
    })
    return { scope: new Scope(inner, this.#allocation, this), slots }
  }

  /** The path from a variable. Errors: 17276 for one that is not there, 10071200 and 51144 for a time that is not known. */
  reference(name: string, names: readonly string[]): Expression {
    const binding = this.#bindings.get(name)
    if (binding === undefined) throw new DatabaseError(17276, `Use of undefined variable: ${name}`)
    if (binding === nowVariable) return names.length === 0 ? now : { kind: 'constant', value: missing }
    if (typeof binding === 'number') return { kind: 'path', variable: binding, names }
    if ('code' in binding) throw new DatabaseError(binding.code, binding.reason)
    if ('system' in binding) return names.length === 0 ? systemValue(binding) : { kind: 'constant', value: missing }
    return { kind: 'constant', value: names.length === 0 ? binding : pathOfValue(names)(binding) }
  }
}

/** A value's bytes may lie in a larger buffer, all of which would be sent. */
function portableBinding(binding: Binding): Binding {
  if (typeof binding === 'number' || 'code' in binding) return binding
  if ('system' in binding) return { ...binding, system: ownedValue(binding.system) }
  return ownedValue(binding)
}

/** No slot: its value is the context's. */
const nowVariable = -1

const clusterTimeName = 'CLUSTER_TIME'

const systemBindings: ReadonlyMap<string, Binding> = new Map<string, Binding>([
  ['ROOT', rootVariable],
  ['CURRENT', rootVariable],
  ['REMOVE', missing],
  ['NOW', nowVariable],
  [clusterTimeName, { code: 10071200, reason: "system variable '$$CLUSTER_TIME' is not available in standalone mode" }],
])

/** A system value has no fields. */
function systemValue({ name, system }: SystemValue): Expression {
  return { kind: 'operator', name, operands: [], make: () => () => system }
}

const now: Expression = { kind: 'operator', name: '$$NOW', operands: [], make: () => (context) => context.now }

/** Errors: FailedToParse for a name that `$let` and kin may not define. */
export function refuseUnfitVariableName(name: string): void {
  if (name === '') throw new DatabaseError('FailedToParse', 'empty variable names are not allowed')
  if (name === 'CURRENT') return
  if (!/^[a-z\u0080-\u{10ffff}]/u.test(name)) {
    throw new DatabaseError('FailedToParse', `'${name}' starts with an invalid character for a user variable name`)
  }
  refuseUnfitCharacters(name)
}

/** Errors: FailedToParse for a name with a character that no variable's name has. */
export function refuseUnfitCharacters(name: string): void {
  const unfit = /[^a-zA-Z0-9_\u0080-\u{10ffff}]/u.exec(name)
  if (unfit !== null) {
    throw new DatabaseError(
      'FailedToParse',
      `'${name}' contains an invalid character for a variable name: '${unfit[0]}'`,
    )
  }
}
