/** Limits that clients can see; MongoDB 8.2's values. Sizes in bytes. */

/** Largest BSON document a user may store. */
export const documentSizeMax = 16 * 1024 * 1024
/** Largest BSON document inside the server: a user document and what a command or the log wraps around it. */
export const documentSizeMaxInternal = documentSizeMax + 16 * 1024
/** Deepest nesting of documents and arrays in a document that is stored, counting the outermost document as one. */
export const documentDepthMax = 180
/** The same for what comes in from outside and what expressions make: room for a command around a stored document. */
export const messageDepthMax = 201
/** Most names in a dotted path of an expression, a sort or a stage. */
export const pathPartsMax = 200
/** Largest wire message. */
export const messageSizeMax = 48_000_000
/** Most operations in one insert, update, delete or bulkWrite command. */
export const writeBatchMax = 100_000
/** Longest `database.collection` in bytes. */
export const namespaceLengthMax = 255
/** Longest database name in bytes. */
export const databaseNameLengthMax = 63
/** Most indexes of a collection, the `_id` index included. */
export const indexesPerCollectionMax = 64
/** Most fields in a compound index. */
export const indexFieldsMax = 32
/** Documents in a first batch when the client names no batch size. */
export const firstBatchDefault = 101
