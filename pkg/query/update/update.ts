/**
 * The tree that an update document is parsed to. It is never changed after `parseUpdate` made it and may be kept and
 * applied to any number of documents.
 *
 * An update with operators is a tree over the paths it touches:
 *
 *   {$set: {'a.b': 1, 'a.c': 2}, $inc: {n: 1}}     branch ── a ── branch ── b ── leaf $set
 *                                                         │             └─ c ── leaf $set
 *                                                         └─ n ── leaf $inc
 *
 * INVARIANTS
 *  (1) No leaf has another below it: paths that meet are refused while the tree is built.
 *  (2) The children of a branch are in the order in which missing fields are created: by name, array indices by number.
 */
import type { Timestamp } from '../../base/timestamp.ts'
import type { Value } from '../../bson/value.ts'
import type { Collation } from '../../collation/collation.ts'

export type Update = ReplacementUpdate | OperatorUpdate

export interface ReplacementUpdate {
  readonly kind: 'replacement'
  readonly document: Uint8Array
}

export interface OperatorUpdate {
  readonly kind: 'operators'
  /** Every path with what is done to it, as written. */
  readonly fields: readonly UpdateField[]
  /** The same as a tree; a positional `$` stands in it as the name `$`. */
  readonly root: BranchNode
  /** Whether a path has the positional `$`, which stands for the array index that the filter matched. */
  readonly positional: boolean
  /** The leaves when all of them are top-level fields that may be changed in place; else undefined. */
  readonly flat: readonly Child[] | undefined
  /**
   * What applying it takes beyond copying, roughly: nanoseconds for each byte of the document and of the update, should all of them be in
   * the arrays it changes.
   */
  readonly nsPerByte: number
}

export interface UpdateField {
  readonly path: string
  readonly parts: readonly PathPart[]
  readonly modifier: Modifier
}

/** One part of an update path: a field or array index, `$`, or `$[]` and `$[identifier]` with the filter for the elements. */
export type PathPart =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'positional' }
  | { readonly kind: 'elements'; readonly filter: ElementFilter }

/** Which elements of an array `$[identifier]` means; `$[]` has an empty identifier and matches all. */
export interface ElementFilter {
  readonly identifier: string
  /** What `matches` takes, roughly: nanoseconds for each byte of the element. */
  readonly nsPerByte: number
  matches(element: Value): boolean
}

export type UpdateNode = LeafNode | BranchNode | ElementsNode

export interface LeafNode {
  readonly kind: 'leaf'
  readonly modifier: Modifier
}

export interface BranchNode {
  readonly kind: 'branch'
  readonly children: readonly Child[]
}

export interface ElementsNode {
  readonly kind: 'elements'
  readonly children: readonly { readonly filter: ElementFilter; readonly node: UpdateNode }[]
}

export interface Child {
  readonly name: string
  readonly nameBytes: Uint8Array
  /** The array index that the name spells, or -1. */
  readonly arrayIndex: number
  readonly node: UpdateNode
}

/**
 * What a modifier wants of a field that is not there:
 *  - `ignore`: nothing, not even that it could be there;
 *  - `check`: nothing, but a path that runs through a value which is no document is an error;
 *  - `create`: the field, and the documents on the way to it.
 */
export const onMissing = { ignore: 0, check: 1, create: 2 } as const
export type OnMissing = (typeof onMissing)[keyof typeof onMissing]

/** What one operator does to one field. */
export interface Modifier {
  readonly operator: string
  /** What `modify` takes, roughly, where it looks at every element: nanoseconds for each byte of the field and the operand. */
  readonly nsPerByte?: number
  onMissing(state: ApplyState): OnMissing
  /**
   * The field's new value; `existing` itself when nothing changes; undefined when the field goes away or stays away.
   * Asked for a missing field only where `onMissing` said `create`. The result may point into memory of the modifier, and is
   * valid until its next `modify`. `fieldName`: the last part of the path, for messages.
   */
  modify(existing: Value | undefined, state: ApplyState, fieldName: string): Value | undefined
}

/** What the outside gives to the application of an update. */
export interface UpdateContext {
  /** Milliseconds since the epoch, for `$currentDate`. */
  readonly nowMs: number
  /** For `$currentDate` with `$type: 'timestamp'`. */
  readonly timestamp: Timestamp
  /** The filter that chose the document, which says what a positional `$` stands for. */
  readonly filter?: Uint8Array | undefined
  /** How that filter compares strings. */
  readonly collation?: Collation | undefined
}

/** The document an update is being applied to. */
export interface ApplyState {
  readonly context: UpdateContext
  readonly bytes: Uint8Array
  readonly start: number
  /** Whether the document is about to be inserted by an upsert. */
  readonly inserting: boolean
}

/** An operator of the update language: turns `{<operator>: {<path>: <operand>}}` into what is done at the path. */
export interface UpdateOperator {
  readonly name: string
  /** Adds what the operator does to `target` for one path. Throws when the operand is not one. */
  parse(path: string, operand: Value, target: ParseTarget): void
}

export interface ParseTarget {
  /** How strings compare; undefined: by their bytes. */
  readonly collation: Collation | undefined
  add(path: string, modifier: Modifier): void
}
