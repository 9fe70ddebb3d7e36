/**
 * Numbers for people: sizes, times, counts. Pure.
 *
 * @module
 */
const KIB = 1024

/** `312 B`, `1.2 KiB`, `40 MiB`: three digits at most before the unit. */
export function formatBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`
  const units = ["KiB", "MiB", "GiB", "TiB"]
  let value = bytes / KIB
  let at = 0
  while (value >= 999.5 && at < units.length - 1) {
    value /= KIB
    at++
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[at]}`
}

/** `1 file`, `2 files`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

const STEPS: readonly (readonly [ms: number, unit: string])[] = [
  [365 * 86_400_000, "year"],
  [30 * 86_400_000, "month"],
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
]

/** `3 days ago`, `just now`. A time ahead of this machine's clock is `just now`, too. */
export function formatAge(thenMs: number, nowMs: number): string {
  const age = nowMs - thenMs
  for (const [ms, unit] of STEPS) if (age >= ms) return `${count(Math.floor(age / ms), unit)} ago`
  return "just now"
}

/** `2026-03-01 14:05`, in local time. */
export function formatTime(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return "unknown"
  const two = (n: number) => String(n).padStart(2, "0")
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}
