/**
 * WiredTiger's way to write options, `key=value,key=(key=value)`: nothing here depends on them, but a name that it does not know is
 * refused as there. The names are those of its WT_SESSION::create.
 */
import { DatabaseError } from '../base/errors.ts'

const known: ReadonlySet<string> = new Set(
  `access_pattern_hint allocation_size app_metadata assert block_allocation block_compressor cache_resident checksum
  colgroups collator columns dictionary encryption exclusive extractor format huffman_key huffman_value
  ignore_in_memory_cache_size immutable import in_memory internal_item_max internal_key_max internal_key_truncate
  internal_page_max key_format key_gap leaf_item_max leaf_key_max leaf_page_max leaf_value_max log lsm memory_page_image_max
  memory_page_max os_cache_dirty_max os_cache_max prefix_compression prefix_compression_min readonly source
  split_deepen_min_child split_deepen_per_child split_pct tiered_object tiered_storage type value_format verbose
  write_timestamp_usage`.split(/\s+/),
)

/** Errors: BadValue for a name that is none, and for brackets that do not close. */
export function checkConfigString(text: string): void {
  let depth = 0
  let name = ''
  let isName = true
  const end = (): void => {
    const trimmed = name.trim()
    if (trimmed !== '' && !known.has(trimmed))
      throw new DatabaseError('BadValue', `unknown configuration key: ${trimmed}`)
    name = ''
    isName = true
  }
  for (const character of text) {
    if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    if (depth < 0) break
    if (depth === 0 && character === ',') end()
    else if (character === '=' || character === ':') isName = isName && depth > 0
    else if (isName) name += character
  }
  if (depth !== 0) throw new DatabaseError('BadValue', `unbalanced brackets in the configuration: ${text}`)
  end()
}
