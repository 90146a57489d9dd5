/** The types of documents, filters, updates and results. */
import type { Document, ObjectId } from 'bson'

type Elements<T> = T extends readonly (infer Element)[] ? Element : never

/** A document as it is stored: with an _id. */
export type WithId<T> = Omit<T, '_id'> & { _id: IdOf<T> }

export type IdOf<T> = T extends { _id: infer Id } ? Id : ObjectId

/** A document to insert: its _id may be left out when it is an ObjectId. */
export type Insertable<T> = T extends { _id: infer Id }
  ? ObjectId extends Id
    ? Omit<T, '_id'> & { _id?: Id }
    : T
  : T & { _id?: ObjectId }

type Operators<V> = {
  $eq?: V
  $ne?: V
  $gt?: V
  $gte?: V
  $lt?: V
  $lte?: V
  $in?: readonly (V | RegExp)[]
  $nin?: readonly (V | RegExp)[]
  $exists?: boolean
  $type?: number | string | readonly (number | string)[]
  $not?: Operators<V> | RegExp
  $regex?: RegExp | string
  $options?: string
  $mod?: readonly [number, number]
  $size?: number
  $all?: readonly unknown[]
  $elemMatch?: Document
} & { readonly [operator: `$${string}`]: unknown }

/** What a field may be compared with: a value, an element of its array, operators. */
export type Condition<V> = V | Elements<V> | (V extends string ? RegExp : never) | Operators<V> | null

/** Which documents: conditions on their fields; paths with dots and operators take anything. */
export type Filter<T> = { [Field in keyof WithId<T>]?: Condition<WithId<T>[Field]> } & {
  $and?: readonly Filter<T>[]
  $or?: readonly Filter<T>[]
  $nor?: readonly Filter<T>[]
  $expr?: unknown
} & { readonly [path: `${string}.${string}`]: unknown } & { readonly [operator: `$${string}`]: unknown }

type Numbers<T> = { [Field in keyof T]?: number | bigint | object } & {
  readonly [path: `${string}.${string}`]: unknown
}
type Values<T> = { [Field in keyof T]?: T[Field] } & { readonly [path: `${string}.${string}`]: unknown }

/** How documents change: update operators. */
export type UpdateFilter<T> = {
  $set?: Values<T>
  $setOnInsert?: Values<T>
  $unset?: { [Field in keyof T]?: unknown } & { readonly [path: `${string}.${string}`]: unknown }
  $inc?: Numbers<T>
  $mul?: Numbers<T>
  $min?: Values<T>
  $max?: Values<T>
} & { readonly [operator: `$${string}`]: Document }

export type Sort =
  | Readonly<Record<string, 1 | -1 | 'asc' | 'desc' | 'ascending' | 'descending' | Document>>
  | readonly (readonly [string, 1 | -1 | Document])[]
  | ReadonlyMap<string, unknown>

export interface InsertOneResult<T> {
  readonly acknowledged: true
  readonly insertedId: IdOf<T>
}

export interface InsertManyResult<T> {
  readonly acknowledged: true
  readonly insertedCount: number
  /** By position in the given array. */
  readonly insertedIds: Readonly<Record<number, IdOf<T>>>
}

export interface UpdateResult<T> {
  readonly acknowledged: true
  readonly matchedCount: number
  readonly modifiedCount: number
  readonly upsertedCount: number
  readonly upsertedId: IdOf<T> | null
}

export interface DeleteResult {
  readonly acknowledged: true
  readonly deletedCount: number
}
