/**
 * What lies on this machine, and what it last agreed on with the vault.
 *
 * @module
 */
import type { Gear } from "../../storage/chunker.ts"
import type { EpochKeys } from "../../storage/keys.ts"
import type { CallOptions, ObjectId } from "../../storage/remote/store.ts"
import type { Intake } from "../ports/intake.ts"
import type { Progress } from "../ports/progress.ts"
import type { Workspace } from "../ports/workspace.ts"
import { JOURNAL } from "../tree/apply/journal.ts"
import { sameContent } from "../tree/plan/plan.ts"
import { createIgnoreRules } from "../tree/scan/ignoreRules.ts"
import type { Glance } from "../tree/scan/resume.ts"
import { type ScanResult, scan } from "../tree/scan/scan.ts"
import type { ScanCache } from "../tree/scan/scanCache.ts"
import type { Context } from "../vault/context.ts"
import type { Head } from "../vault/head.ts"
import { gearAtHand } from "../vault/vaultIndex.ts"
import { readBase, type StoredBase } from "./base.ts"
import type { ReadAhead } from "./readAhead.ts"

/** What lies on this machine, and what was agreed on. */
export interface Local {
  readonly cache: ScanCache
  readonly isBaseLost: boolean
  readonly dormant: ReadonlySet<string>
  readonly settledAt: ObjectId | null
  readonly scanned: ScanResult
}

/** Reads the base and scans; what it reads goes to `readAhead`. Changes nothing. */
export async function lookAround(
  context: Context,
  workspace: Workspace,
  head: Head,
  call: CallOptions,
  readAhead?: ReadAhead,
): Promise<Local> {
  const known = knownBase(context, head, await readBase(context))
  const scanner = createScanner(context, workspace, readAhead)
  scanner.sealUnder(head)
  try {
    return { ...known, scanned: await scanner.scan(known.cache, call.signal, context.host.progress) }
  } finally {
    await scanner.close()
  }
}

/** A look that was begun before the head was known. */
export interface EarlyLook {
  /** What is read from now on is sealed under the keys of this head's epoch, which must be unlocked. */
  sealUnder(head: Head): void
  /** What {@link lookAround} would have answered; looks again if this head says that the base does not hold. */
  under(head: Head): Promise<Local>
  /** To be called in the end. Stops what goes on still; rejects never. */
  close(): Promise<void>
}

/**
 * Begins to scan while the store is being asked. Not with a journal open: what a killed sync left is to be settled
 * first. What it does is shown from when its result is waited for.
 */
export function lookEarly(context: Context, workspace: Workspace, call: CallOptions, readAhead: ReadAhead): EarlyLook {
  const stopped = new AbortController()
  const signal = call.signal === undefined ? stopped.signal : AbortSignal.any([call.signal, stopped.signal])
  const { progress, show } = shownLater(context.host.progress)
  const scanner = createScanner(context, workspace, readAhead)
  const begun = begin()
  // Whoever waits for it hears of it.
  begun.catch(() => {})

  async function begin(): Promise<{ readonly base: StoredBase; readonly scanned: ScanResult } | null> {
    if ((await context.state.read(JOURNAL)) !== null) return null
    const base = await readBase(context)
    const glance = context.glance ?? undefined
    return { base, scanned: await scanner.scan(base.cache ?? new Map(), signal, progress, glance) }
  }

  return {
    sealUnder: scanner.sealUnder,
    async under(head) {
      show()
      const early = await begun
      const base = early?.base ?? (await readBase(context))
      const known = knownBase(context, head, base)
      const holds = base.cache === null || known.cache === base.cache
      const scanned = early !== null && holds ? early.scanned : await scanner.scan(known.cache, signal, progress)
      return { ...known, scanned }
    },
    async close() {
      stopped.abort()
      scanner.giveUp()
      await begun.catch(() => {})
      await scanner.close()
    },
  }
}

/** Scans, with an intake for each scan where the host has one. */
function createScanner(context: Context, workspace: Workspace, readAhead?: ReadAhead) {
  const { host, config, keyring } = context
  let intake: Intake | undefined
  let keys: EpochKeys | undefined
  let tellHead = (_: Head | null): void => {}
  const toldHead = new Promise<Head | null>((resolve) => {
    tellHead = resolve
  })
  let knownGear: Promise<Gear | null> | undefined

  /** Waits for the head; without one, large files are only hashed. */
  async function gear(): Promise<Gear | null> {
    const head = await toldHead
    if (head !== null) knownGear ??= gearAtHand(context, head)
    return knownGear ?? null
  }
  /** Nobody waits for these but whoever closes. */
  const closing: Promise<void>[] = []

  return {
    sealUnder(head: Head): void {
      tellHead(head)
      keys = keyring.get(head.trust.epoch.epoch)
      if (keys !== undefined) intake?.sealUnder(keys)
    },
    async scan(
      cache: ScanCache,
      signal: AbortSignal | undefined,
      progress: Progress,
      glance?: Glance,
    ): Promise<ScanResult> {
      readAhead?.clear()
      const opened = host.openIntake?.({ root: workspace.root, keeps: readAhead !== undefined })
      intake = opened
      if (keys !== undefined) opened?.sealUnder(keys)
      try {
        return await scan({
          workspace,
          crypto: host.crypto,
          rules: createIgnoreRules(),
          cache,
          workspaceId: config.workspace,
          progress,
          signal,
          glance,
          intake: opened,
          ...(readAhead !== undefined && whatItReads(readAhead)),
        })
      } finally {
        intake = undefined
        if (opened !== undefined) closing.push(opened.close())
      }
    },
    /** No head comes any more. */
    giveUp: () => tellHead(null),
    async close(): Promise<void> {
      await Promise.all(closing)
    },
  }

  function whatItReads({ keep, keepReady, keepCuts }: ReadAhead) {
    return { gear, onContent: keep, onReady: keepReady, onCuts: keepCuts }
  }
}

/** Keeps a step to itself until it is shown: until then the host shows another. */
function shownLater(to: Progress): { readonly progress: Progress; readonly show: () => void } {
  let step: Parameters<Progress["step"]> | null = null
  let done = 0
  let isShown = false
  return {
    progress: {
      step(...begun) {
        if (isShown) return to.step(...begun)
        step = begun
        done = 0
      },
      advance(amount) {
        if (isShown) to.advance(amount)
        else done += amount
      },
    },
    show() {
      isShown = true
      if (step === null) return
      to.step(...step)
      to.advance(done)
    },
  }
}

/**
 * Whether there is nothing to do, which takes neither an index nor a plan to know: the vault is the one that this disk
 * was equal to when the base was written, nothing was left out then, and the disk has not changed since.
 */
export function isSettled(head: Head, { cache, isBaseLost, settledAt, scanned }: Local): boolean {
  if (isBaseLost || settledAt !== head.commit) return false
  if (scanned.markerMissing || scanned.held.size > 0 || scanned.nodes.size !== cache.size) return false
  for (const [path, node] of scanned.nodes) {
    const known = cache.get(path)
    if (known === undefined || known.base === null) return false
    // The scan hands on what is remembered of a file if that still holds.
    if (node.type === "file" && scanned.seen.get(path) !== known.seen) return false
    if (node.mode !== known.base.node.mode || !sameContent(node, known.base.node)) return false
  }
  return true
}

/**
 * The base. Lost if it cannot be read though this machine has synced before, or if the vault is another than the one it
 * was agreed on with; none, as for a new machine, if the vault has dropped the tombstones of what happened since.
 */
function knownBase(context: Context, head: Head, { cache, dormant, settledAt }: StoredBase): Omit<Local, "scanned"> {
  const synced = context.seen?.stored.syncedSequence ?? 0
  const lost = (isBaseLost: boolean) => ({
    cache: cache === null ? new Map() : withoutBase(cache),
    isBaseLost,
    dormant,
    settledAt: null,
  })
  if (cache === null) return lost(synced > 0)
  if (context.seen?.stored.base === "superseded") return lost(true)
  if (synced < head.verified.header.tombstoneFloor) return lost(false)
  return { cache, isBaseLost: false, dormant, settledAt }
}

function withoutBase(cache: ScanCache): ScanCache {
  return new Map([...cache].map(([path, { seen }]) => [path, { base: null, seen }] as const))
}
