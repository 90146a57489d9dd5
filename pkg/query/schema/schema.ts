/**
 * A parsed `$jsonSchema`: rules that a value must obey. A rule is made by one keyword; what it says of values of another type than
 * it is about is that they obey.
 */
import { getField, type Value } from '../../bson/value.ts'
import { valueEnd } from '../../bson/walk.ts'
import type { ValueTest } from '../filter/operator.ts'

/** Fields of an `errInfo` document, as `buildDocument` takes them. */
export type Explanation = Readonly<Record<string, unknown>>

export interface Rule {
  readonly test: ValueTest
  /** Says how a value that does not pass fails. */
  readonly explain: (value: Value) => Explanation
}

export class Schema {
  readonly rules: readonly Rule[]
  /** Title and description, where given: they stand in explanations. */
  readonly annotations: Explanation
  readonly #tests: readonly ValueTest[]

  constructor(rules: readonly Rule[], annotations: Explanation) {
    this.rules = rules
    this.annotations = annotations
    this.#tests = rules.map(({ test }) => test)
  }

  accepts(type: number, bytes: Uint8Array, start: number): boolean {
    const tests = this.#tests
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(type, bytes, start)) return false
    return true
  }

  /** What each rule says that the value does not obey. */
  violations(value: Value): Explanation[] {
    const { type, bytes, start } = value
    return this.rules.filter(({ test }) => !test(type, bytes, start)).map(({ explain }) => explain(value))
  }
}

/** Given to keywords. */
export interface SchemaContext {
  /** The schema document that the keyword is a field of. */
  readonly siblings: Value
  /** Parses a schema within this one. */
  readonly parse: (value: Value) => Schema
}

export interface Keyword {
  readonly name: string
  /** Throws TypeMismatch (14), FailedToParse (9), BadValue (2). undefined: it says nothing of values. */
  readonly parse: (operand: Value, context: SchemaContext) => Rule | undefined
}

/** The field of the schema that the keyword stands in. */
export function sibling(context: SchemaContext, name: string): Value | undefined {
  return getField(context.siblings.bytes, name, context.siblings.start)
}

/** What most explanations begin with. */
export function specified(name: string, operand: Value): Explanation {
  return { operatorName: name, specifiedAs: { [name]: operand } }
}

/** A value as tests are given it, whole. */
export function wholeValue(type: number, bytes: Uint8Array, start: number): Value {
  return { type, bytes, start, end: valueEnd(bytes, type, start) }
}
