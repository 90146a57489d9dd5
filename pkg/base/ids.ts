/** Branded numbers, so that a page cannot be passed where a log position is meant. All are safe integers. */
declare const brand: unique symbol
type Branded<Name extends string> = number & { readonly [brand]: Name }

/** A page of the data file by its logical number; the page map knows where its bytes lie. */
export type PageId = Branded<'PageId'>
/** A position in the log; the first entry has 1, and 0 means "before the first". */
export type LogIndex = Branded<'LogIndex'>
/** A Raft term; a node that was never in a replica set stays in term 1. */
export type Term = Branded<'Term'>
/** A record within its collection, in insertion order, from 1. */
export type RecordId = Branded<'RecordId'>
/** A collection for as long as it lives; never reused, and unchanged by a rename. */
export type CollectionId = Branded<'CollectionId'>
