/** Several bytes at a time: a DataView reads a number at any place in one step, where an array of bytes takes one a byte. */

/** Making a view takes longer than finding one here, but shorter than putting one here: small arrays mostly come once. */
const keptBytesMin = 4096
const views = new WeakMap<Uint8Array, DataView>()

let lastBytes: Uint8Array = new Uint8Array(0)
let lastView = new DataView(lastBytes.buffer)

/** The view with the same positions as `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes === lastBytes) return lastView
  const known = bytes.length >= keptBytesMin ? views.get(bytes) : undefined
  const view = known ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (known === undefined && bytes.length >= keptBytesMin) views.set(bytes, view)
  lastBytes = bytes
  lastView = view
  return view
}
