/** The client that `oazapfts` makes from /openapi.json; one file because the generator writes one. */
// @ts-nocheck: its own calls are not made for exactOptionalPropertyTypes; what it exports is checked where it is used.
/**
 * LauraDB
 * DO NOT MODIFY - This file has been generated using oazapfts.
 */
import * as Oazapfts from "@oazapfts/runtime";
import * as QS from "@oazapfts/runtime/query";
export const defaults: Oazapfts.Defaults<Oazapfts.CustomHeaders> = {
    headers: {},
    baseUrl: "/"
};
const oazapfts = Oazapfts.runtime(defaults);
export const servers = {};
/**
 * The databases
 */
export function getDatabases({ ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            databases: {
                name: string;
                sizeOnDisk: number | {
                    $numberInt?: string;
                    $numberLong?: string;
                    $numberDouble?: string;
                };
                empty: boolean;
            }[];
            totalSize?: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            totalSizeMb?: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * What a database holds
 */
export function getDatabasesByDatabase(database: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * Drop a database
 */
export function deleteDatabasesByDatabase(database: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * The collections of a database
 */
export function getDatabasesByDatabaseCollections(database: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            collections: {
                name: string;
                "type": "collection" | "view" | "timeseries";
                options: {
                    [key: string]: any;
                };
                info: {
                    [key: string]: any;
                };
                idIndex?: {
                    [key: string]: any;
                };
            }[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * Make a collection, view or time series
 */
export function postDatabasesByDatabaseCollections(database: string, body: {
    [key: string]: any;
}, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: {
            name: string;
            "type": "collection" | "view" | "timeseries";
            options: {
                [key: string]: any;
            };
            info: {
                [key: string]: any;
            };
            idIndex?: {
                [key: string]: any;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * A collection with its options
 */
export function getDatabasesByDatabaseCollectionsByCollection(database: string, collection: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            name: string;
            "type": "collection" | "view" | "timeseries";
            options: {
                [key: string]: any;
            };
            info: {
                [key: string]: any;
            };
            idIndex?: {
                [key: string]: any;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * Change a collection's options
 */
export function patchDatabasesByDatabaseCollectionsByCollection(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            name: string;
            "type": "collection" | "view" | "timeseries";
            options: {
                [key: string]: any;
            };
            info: {
                [key: string]: any;
            };
            idIndex?: {
                [key: string]: any;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body
    }));
}
/**
 * Drop a collection
 */
export function deleteDatabasesByDatabaseCollectionsByCollection(database: string, collection: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * What a collection holds
 */
export function getDatabasesByDatabaseCollectionsByCollectionStats(database: string, collection: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/stats${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * The indexes of a collection
 */
export function getDatabasesByDatabaseCollectionsByCollectionIndexes(database: string, collection: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            indexes: {
                v: number | {
                    $numberInt?: string;
                    $numberLong?: string;
                    $numberDouble?: string;
                };
                key: {
                    [key: string]: any;
                };
                name: string;
                [key: string]: any;
            }[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/indexes${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * Build an index
 */
export function postDatabasesByDatabaseCollectionsByCollectionIndexes(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: {
            v: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            key: {
                [key: string]: any;
            };
            name: string;
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/indexes${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Drop an index
 */
export function deleteDatabasesByDatabaseCollectionsByCollectionIndexesByIndex(database: string, collection: string, index: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/indexes/${encodeURIComponent(index)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
/**
 * Insert a document
 */
export function postDatabasesByDatabaseCollectionsByCollectionDocuments(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson, idempotencyKey, prefer, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    idempotencyKey?: string;
    prefer?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: {
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey,
            prefer,
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Find documents
 */
export function getDatabasesByDatabaseCollectionsByCollectionDocuments(database: string, collection: string, { filter, sort, projection, skip, limit, pageSize, hint, ejson, lauraTransaction }: {
    filter?: string;
    sort?: string;
    projection?: string;
    skip?: number;
    limit?: number;
    pageSize?: number;
    hint?: string;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            documents: {
                [key: string]: any;
            }[];
            next: string | null;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents${QS.query(QS.explode({
        filter,
        sort,
        projection,
        skip,
        limit,
        pageSize,
        hint,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Update all documents that match
 */
export function patchDatabasesByDatabaseCollectionsByCollectionDocuments(database: string, collection: string, body: {
    [key: string]: any;
}, { filter, upsert, ejson, lauraTransaction }: {
    filter?: string;
    upsert?: boolean;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            matched: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            modified: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            upserted?: {
                [key: string]: any;
            }[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents${QS.query(QS.explode({
        filter,
        upsert,
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Delete all documents that match
 */
export function deleteDatabasesByDatabaseCollectionsByCollectionDocuments(database: string, collection: string, { filter, ejson, lauraTransaction }: {
    filter?: string;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            deleted: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents${QS.query(QS.explode({
        filter,
        ejson
    }))}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Read a document
 */
export function getDatabasesByDatabaseCollectionsByCollectionDocumentsById(database: string, collection: string, id: string, { idType, projection, ejson, ifNoneMatch, lauraTransaction }: {
    idType?: "objectId" | "uuid" | "string" | "int" | "long" | "double" | "decimal" | "ejson";
    projection?: string;
    ejson?: "relaxed" | "canonical";
    ifNoneMatch?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: 304;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(id)}${QS.query(QS.explode({
        idType,
        projection,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-none-match": ifNoneMatch,
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Replace a document, or make it
 */
export function putDatabasesByDatabaseCollectionsByCollectionDocumentsById(database: string, collection: string, id: string, body: {
    [key: string]: any;
}, { idType, ejson, ifMatch, idempotencyKey, ifNoneMatch, prefer, lauraTransaction }: {
    idType?: "objectId" | "uuid" | "string" | "int" | "long" | "double" | "decimal" | "ejson";
    ejson?: "relaxed" | "canonical";
    ifMatch?: string;
    idempotencyKey?: string;
    ifNoneMatch?: string;
    prefer?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: 201;
        data: {
            [key: string]: any;
        };
    } | {
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(id)}${QS.query(QS.explode({
        idType,
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "PUT",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-match": ifMatch,
            "idempotency-key": idempotencyKey,
            "if-none-match": ifNoneMatch,
            prefer,
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Change a document
 */
export function patchDatabasesByDatabaseCollectionsByCollectionDocumentsById(database: string, collection: string, id: string, body: {
    [key: string]: any;
}, { idType, ejson, ifMatch, idempotencyKey, prefer, lauraTransaction }: {
    idType?: "objectId" | "uuid" | "string" | "int" | "long" | "double" | "decimal" | "ejson";
    ejson?: "relaxed" | "canonical";
    ifMatch?: string;
    idempotencyKey?: string;
    prefer?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(id)}${QS.query(QS.explode({
        idType,
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "PATCH",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-match": ifMatch,
            "idempotency-key": idempotencyKey,
            prefer,
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Delete a document
 */
export function deleteDatabasesByDatabaseCollectionsByCollectionDocumentsById(database: string, collection: string, id: string, { idType, ejson, ifMatch, idempotencyKey, lauraTransaction }: {
    idType?: "objectId" | "uuid" | "string" | "int" | "long" | "double" | "decimal" | "ejson";
    ejson?: "relaxed" | "canonical";
    ifMatch?: string;
    idempotencyKey?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/documents/${encodeURIComponent(id)}${QS.query(QS.explode({
        idType,
        ejson
    }))}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "if-match": ifMatch,
            "idempotency-key": idempotencyKey,
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Find documents, with a body
 */
export function postDatabasesByDatabaseCollectionsByCollectionFind(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            documents: {
                [key: string]: any;
            }[];
            next: string | null;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/find${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Run an aggregation pipeline
 */
export function postDatabasesByDatabaseCollectionsByCollectionAggregate(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            documents: {
                [key: string]: any;
            }[];
            next: string | null;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/aggregate${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Run an aggregation pipeline
 */
export function postDatabasesByDatabaseAggregate(database: string, body: {
    [key: string]: any;
}, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            documents: {
                [key: string]: any;
            }[];
            next: string | null;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/aggregate${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Count documents
 */
export function getDatabasesByDatabaseCollectionsByCollectionCount(database: string, collection: string, { filter, ejson, lauraTransaction }: {
    filter?: string;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            count: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/count${QS.query(QS.explode({
        filter,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * The distinct values of a field
 */
export function getDatabasesByDatabaseCollectionsByCollectionDistinct(database: string, collection: string, { key, filter, ejson, lauraTransaction }: {
    key?: string;
    filter?: string;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            values: any[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/distinct${QS.query(QS.explode({
        key,
        filter,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * How a query would be, or was, run
 */
export function postDatabasesByDatabaseCollectionsByCollectionExplain(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/explain${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Several writes in one request
 */
export function postDatabasesByDatabaseCollectionsByCollectionBulk(database: string, collection: string, body: {
    [key: string]: any;
}, { ejson, idempotencyKey, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    idempotencyKey?: string;
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            inserted: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            matched: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            modified: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            deleted: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            upserted: number | {
                $numberInt?: string;
                $numberLong?: string;
                $numberDouble?: string;
            };
            errors: {
                [key: string]: any;
            }[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/bulk${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "idempotency-key": idempotencyKey,
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * The next page of a result
 */
export function getCursorsByCursor(cursor: string, { pageSize, ejson, lauraTransaction }: {
    pageSize?: number;
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            documents: {
                [key: string]: any;
            }[];
            next: string | null;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/cursors/${encodeURIComponent(cursor)}${QS.query(QS.explode({
        pageSize,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Close a result that is not read to its end
 */
export function deleteCursorsByCursor(cursor: string, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/cursors/${encodeURIComponent(cursor)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "DELETE",
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    });
}
/**
 * Run a command of the database
 */
export function postDatabasesByDatabaseCommand(database: string, body: {
    [key: string]: any;
}, { ejson, lauraTransaction }: {
    ejson?: "relaxed" | "canonical";
    lauraTransaction?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            [key: string]: any;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/command${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "laura-transaction": lauraTransaction
        })
    }));
}
/**
 * Insert the documents of a stream
 */
export function postDatabasesByDatabaseCollectionsByCollectionImport(database: string, collection: string, body: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: {
            inserted: number;
            failed: number;
            errors: {
                document: number;
                code: number;
                errmsg: string;
            }[];
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/import${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "POST",
        body
    });
}
/**
 * All documents that match, as a stream
 */
export function getDatabasesByDatabaseCollectionsByCollectionExport(database: string, collection: string, { filter, sort, projection, ejson }: {
    filter?: string;
    sort?: string;
    projection?: string;
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/export${QS.query(QS.explode({
        filter,
        sort,
        projection,
        ejson
    }))}`, {
        ...opts
    });
}
/**
 * The changes of a collection, as they happen
 */
export function getDatabasesByDatabaseCollectionsByCollectionChanges(database: string, collection: string, { pipeline, fullDocument, fullDocumentBeforeChange, startAtOperationTime, showExpandedEvents, ejson, lastEventId }: {
    pipeline?: string;
    fullDocument?: "default" | "updateLookup" | "whenAvailable" | "required";
    fullDocumentBeforeChange?: "off" | "whenAvailable" | "required";
    startAtOperationTime?: string;
    showExpandedEvents?: boolean;
    ejson?: "relaxed" | "canonical";
    lastEventId?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}/changes${QS.query(QS.explode({
        pipeline,
        fullDocument,
        fullDocumentBeforeChange,
        startAtOperationTime,
        showExpandedEvents,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "last-event-id": lastEventId
        })
    });
}
/**
 * The changes of a database, as they happen
 */
export function getDatabasesByDatabaseChanges(database: string, { pipeline, fullDocument, fullDocumentBeforeChange, startAtOperationTime, showExpandedEvents, ejson, lastEventId }: {
    pipeline?: string;
    fullDocument?: "default" | "updateLookup" | "whenAvailable" | "required";
    fullDocumentBeforeChange?: "off" | "whenAvailable" | "required";
    startAtOperationTime?: string;
    showExpandedEvents?: boolean;
    ejson?: "relaxed" | "canonical";
    lastEventId?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/databases/${encodeURIComponent(database)}/changes${QS.query(QS.explode({
        pipeline,
        fullDocument,
        fullDocumentBeforeChange,
        startAtOperationTime,
        showExpandedEvents,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "last-event-id": lastEventId
        })
    });
}
/**
 * The changes of all databases, as they happen
 */
export function getChanges({ pipeline, fullDocument, fullDocumentBeforeChange, startAtOperationTime, showExpandedEvents, ejson, lastEventId }: {
    pipeline?: string;
    fullDocument?: "default" | "updateLookup" | "whenAvailable" | "required";
    fullDocumentBeforeChange?: "off" | "whenAvailable" | "required";
    startAtOperationTime?: string;
    showExpandedEvents?: boolean;
    ejson?: "relaxed" | "canonical";
    lastEventId?: string;
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 200;
        data: string;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/changes${QS.query(QS.explode({
        pipeline,
        fullDocument,
        fullDocumentBeforeChange,
        startAtOperationTime,
        showExpandedEvents,
        ejson
    }))}`, {
        ...opts,
        headers: oazapfts.mergeHeaders(opts?.headers, {
            "last-event-id": lastEventId
        })
    });
}
/**
 * Begin a transaction
 */
export function postTransactions(body: {
    isolation?: "read uncommitted" | "read committed" | "repeatable read" | "snapshot" | "serializable";
    /** what a write does that meets another transaction's: fail, or wait for its end */
    onConflict?: "abort" | "wait";
    /** with the isolation 'serializable': others who would write what was read wait for the end of the transaction */
    readLocks?: boolean;
    /** how long it waits for one lock */
    lockTimeoutMs?: number;
    readConcern?: {
        [key: string]: any;
    };
}, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 201;
        data: {
            id: string;
        };
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/transactions${QS.query(QS.explode({
        ejson
    }))}`, oazapfts.json({
        ...opts,
        method: "POST",
        body
    }));
}
/**
 * Commit
 */
export function postTransactionsByTransactionCommit(transaction: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/transactions/${encodeURIComponent(transaction)}/commit${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "POST"
    });
}
/**
 * Abort
 */
export function deleteTransactionsByTransaction(transaction: string, { ejson }: {
    ejson?: "relaxed" | "canonical";
} = {}, opts?: Oazapfts.RequestOpts) {
    return oazapfts.fetchJson<{
        status: 204;
    } | {
        status: number;
        data: {
            "type": string;
            title: string;
            status: number;
            detail: string;
            instance: string;
            /** MongoDB's number of the error */
            code?: number;
            /** MongoDB's name of the error */
            codeName?: string;
            labels?: string[];
            [key: string]: any;
        };
    }>(`/v1/transactions/${encodeURIComponent(transaction)}${QS.query(QS.explode({
        ejson
    }))}`, {
        ...opts,
        method: "DELETE"
    });
}
