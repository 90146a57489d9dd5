declare module 'snappyjs' {
  function compress(bytes: Uint8Array): Uint8Array
  /** Throws when the stream is broken or declares more than `lengthMax` bytes. */
  function uncompress(bytes: Uint8Array, lengthMax?: number): Uint8Array
  export default { compress, uncompress }
}
