/**
 * Figures as people read them.
 *
 * @module
 */

export function count(value: number): string {
  return value.toLocaleString("en-US")
}

/** In decimal units, as the targets are stated. */
export function bytesInWords(bytes: number): string {
  if (bytes >= 1_000_000_000) return `${(bytes / 1_000_000_000).toFixed(2)} GB`
  if (bytes >= 1_000_000) return megabytes(bytes)
  if (bytes >= 1000) return `${(bytes / 1000).toFixed(1)} kB`
  return `${bytes} B`
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

export function secondsInWords(seconds: number): string {
  return Math.abs(seconds) >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(0)} ms`
}
