/** What an operator's file enters in the table (`operators/table.ts`). */
import type { Value } from '../../bson/value.ts'
import type { Scope } from '../../expression/scope.ts'
import type { Path, PathPart } from '../path.ts'
import type { Filter } from './tree.ts'

/** What expressions in a filter may use, where the caller said so. */
export interface ExpressionOptions {
  /** What `$$NOW` is, milliseconds since the epoch. */
  readonly nowMs?: number
  /** Further variables, and their values by slot. */
  readonly scope?: Scope
  readonly variables?: readonly Value[]
  /** How many steps an expression may take for a document where nobody can wait for it to be computed elsewhere: it is elsewhere. */
  readonly stepsMax?: number
}

/** Given to operators whose operand holds filters. */
export interface ParseContext {
  /** Whether there is an operator of that name for what a path leads to. */
  readonly isPathOperator: (name: string) => boolean
  /** Parses a filter of the same documents. */
  readonly parseFilter: (document: Value) => Filter
  /** Parses a filter of the elements of an array. */
  readonly parseElementFilter: (document: Value) => Filter
  /** Parses `{$gt: 1, $lt: 5}` against a path. */
  readonly parseOperators: (path: Path, document: Value) => Filter
  /** What `{path: operand}` means when the operand is no operator document. */
  readonly parseEquality: (path: Path, operand: Value) => Filter
  /** What is parsed is about elements of an array: operators about whole documents have no place. */
  readonly inElement: boolean
  /** What the caller said about expressions. */
  readonly options: ExpressionOptions
}

/** `{path: {$name: operand}}` */
export interface PathOperator {
  readonly name: string
  /** `siblings`: the document that the operator is a field of. */
  readonly parse: (path: Path, operand: Value, context: ParseContext, siblings: Value) => Filter
}

/** `{$name: operand}` in the place of a path. `undefined`: it says nothing about documents (`$comment`). */
export interface TopLevelOperator {
  readonly name: string
  readonly parse: (operand: Value, context: ParseContext) => Filter | undefined
}

/**
 * Tests a value in place: `type` is its BSON type and `start` where it begins. For a field that is not there `type` is
 * `missing`, and the others mean nothing.
 */
export type ValueTest = (type: number, bytes: Uint8Array, start: number) => boolean

/** The type a `ValueTest` is given when there is no value. */
export const missing = 0

/** Whether the document at `start` matches. */
export type Predicate = (bytes: Uint8Array, start: number) => boolean

/** Tests the value of one field; of several for one field, all must pass. */
export interface FieldTest {
  readonly part: PathPart
  readonly test: ValueTest
}
