/** What long work is doing, for a person. Calls are cheap and may be many; the host decides what to draw. */
export interface Progress {
  /** A new step begins; `total` in `unit`s if known. */
  step(step: ProgressStep, total?: number, unit?: "bytes" | "files"): void
  /** So much more of the current step is done. */
  advance(amount: number): void
}

export type ProgressStep =
  | "unlock"
  | "scan"
  | "read-store"
  | "history"
  | "verify"
  | "download"
  | "upload"
  | "apply"
  | "commit"
